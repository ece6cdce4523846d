//! The numbers of a model: tensors of four-byte floats by their names.

use ndarray::{Array1, Array2};
use safetensors::{Dtype, SafeTensors};

/// A file of tensors (<https://huggingface.co/docs/safetensors>).
pub(super) struct Weights<'a> {
    tensors: SafeTensors<'a>,
    /// What all names of the encoder begin with: models that were trained for a task have it in a part of their own.
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let tensors =
            SafeTensors::deserialize(bytes).map_err(|_| "model.safetensors is damaged, or no such file".to_owned())?;
        let has_prefix = tensors.tensor("bert.embeddings.word_embeddings.weight").is_ok();
        Ok(Self { tensors, prefix: if has_prefix { "bert." } else { "" } })
    }

    /// A matrix of so many rows and columns.
    pub(super) fn matrix(&self, name: &str, shape: (usize, usize)) -> Result<Array2<f32>, String> {
        let numbers = self.numbers(name, &[shape.0, shape.1])?;
        Array2::from_shape_vec(shape, numbers).map_err(|_| wrong_shape(name))
    }

    /// A vector of so many numbers.
    pub(super) fn vector(&self, name: &str, length: usize) -> Result<Array1<f32>, String> {
        self.numbers(name, &[length]).map(Array1::from)
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let full = format!("{}{name}", self.prefix);
        let tensor = self.tensors.tensor(&full).map_err(|_| format!("model.safetensors has no {name}"))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(format!("model.safetensors has {name} in another format than floats of four bytes"));
        }
        if tensor.shape() != shape {
            return Err(wrong_shape(name));
        }
        // Four bytes each, the least first, by the format.
        let (numbers, _) = tensor.data().as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        match numbers.iter().all(|number| number.is_finite()) {
            true => Ok(numbers),
            false => Err(format!("model.safetensors has numbers in {name} that are none")),
        }
    }
}

fn wrong_shape(name: &str) -> String {
    format!("model.safetensors has {name} in another shape than config.json tells")
}
