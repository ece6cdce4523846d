//! What embeddings left that a taxonomy no longer wants. The index of one that answered does so until that of the new one takes
//! its place. What was paid for, or took long, is kept for the day on which the taxonomy goes back, without the vectors of
//! what is gone; what costs nothing is not.

use super::fill::{sweep, wants_sweep};
use super::{Stopped, Wanted, as_owner};
use crate::pg::spi;
use pg_categorize_core::embedding_model::EmbeddingModel;

/// Sees to the indexes of a taxonomy that are of other models than the one that it wants.
pub fn see_to(of: &Wanted) -> Result<(), Stopped> {
    as_owner(|| {
        let wanted = of.model.id();
        let all = spi::fresh_embedding_indexes(of.taxonomy, None);
        let is_replaced = all.iter().any(|index| index.ready && index.model == wanted);
        for index in all.iter().filter(|index| index.model != wanted) {
            let is_paid = EmbeddingModel::of_id(&index.model).is_some_and(|model| model.is_of_gateway());
            if !is_paid && (!index.ready || is_replaced) {
                spi::retire(index.id);
            } else if is_paid && index.ready && is_replaced {
                spi::set_aside(index.id);
            } else if index.table.is_some() && wants_sweep(index) {
                sweep(index);
            }
        }
    })
}
