//! Lists, and what follows from what is said to them.

use super::*;
use crate::choices::NONE_OF_THESE;
use crate::lexical::{Document, LexicalIndex, Scratch};
use crate::normalise::{Case, normalise};
use proptest::prelude::*;

/// What is found by words alone: what is found is plain, and so is what is not.
#[derive(Debug)]
struct Words(Vec<CategoryId>, LexicalIndex);

impl Retriever for Words {
    fn shortlist(&self, text: &str, hints: &[CategoryId], most: usize) -> Vec<CategoryId> {
        let mut ranked = Vec::new();
        self.1.rank(&normalise(text, Case::Folded), most, &mut Scratch::default(), &mut ranked);
        let found = ranked.into_iter().map(|(at, _)| self.0[at as usize]);
        hints.iter().copied().chain(found).collect()
    }
}

/// A shop: 1 Home (11 Kitchen (111 Knives, 112 Pans), 12 Garden), 2 Books.
fn shop(short: usize) -> Candidates {
    let node = |(id, parent, path): (i32, Option<i32>, &str)| Node { id, parent, path: path.to_owned() };
    let nodes = [
        (1, None, "Home"),
        (11, Some(1), "Home > Kitchen"),
        (111, Some(11), "Home > Kitchen > Knives"),
        (112, Some(11), "Home > Kitchen > Pans"),
        (12, Some(1), "Home > Garden"),
        (2, None, "Books"),
    ];
    of(nodes.map(node).to_vec(), &[], short)
}

/// The candidates of these nodes, but for those that may not answer.
fn of(nodes: Vec<Node>, mute: &[CategoryId], short: usize) -> Candidates {
    let own = |path: &str| path.rsplit(" > ").next().unwrap_or_default().to_owned();
    let documents: Vec<Document> = nodes
        .iter()
        .map(|node| Document { id: node.id, labels: vec![own(&node.path)], ..Document::default() })
        .collect();
    let choice = |node: &Node| Choice { id: node.id, label: node.path.clone(), description: None };
    let choices = Choices::new(nodes.iter().filter(|node| !mute.contains(&node.id)).map(choice).collect());
    let words = Words(nodes.iter().map(|node| node.id).collect(), LexicalIndex::new(&documents));
    Candidates::new(Arc::new(choices), Tree::new(nodes), Box::new(words), short)
}

fn flat(count: i32) -> Vec<Node> {
    (0..count).map(|id| Node { id, parent: None, path: format!("Label{id}") }).collect()
}

fn sought<'a>(text: &'a str, hints: &'a [CategoryId]) -> Sought<'a> {
    Sought { text, hints }
}

fn offer(of: &Candidates, text: &str, step: Step) -> Option<(Step, Vec<CategoryId>)> {
    of.offer(sought(text, &[]), step).map(|offered| (offered.step, offered.list))
}

#[test]
fn a_list_begins_with_the_hints_and_has_each_category_once() {
    let list = shop(3).offer(sought("kitchen knives", &[12, 11, 99]), Step::Short).unwrap().list;
    assert_eq!(list, [12, 11, 111]);
}

#[test]
fn a_list_with_nothing_to_add_is_left_out() {
    let shop = shop(3);
    assert_eq!(offer(&shop, "books", Step::Short), Some((Step::Short, vec![2])));
    assert_eq!(offer(&shop, "books", Step::Wide), Some((Step::Below(None), vec![1])));
    // Nothing is known of it: the tree is all there is.
    assert_eq!(offer(&shop, "zzz", Step::Short), Some((Step::Below(None), vec![1, 2])));
}

#[test]
fn who_finds_nothing_is_asked_again_until_there_is_nothing_more() {
    let shop = shop(1);
    let (mut offered, mut steps) = (shop.offer(sought("knives pans", &[]), Step::Short).unwrap(), vec![]);
    loop {
        steps.push(offered.step);
        match shop.after(sought("knives pans", &[]), &offered, Verdict::NoneOfThese) {
            Next::Ask(next) => offered = next,
            end => break assert_eq!(end, Next::Nothing),
        }
    }
    assert_eq!(steps, [Step::Short, Step::Wide, Step::Below(None)]);
}

#[test]
fn the_tree_is_walked_down_to_a_leaf_or_to_what_is_meant_in_general() {
    let shop = shop(3);
    let at = |node| shop.offer(sought("zzz", &[]), Step::Below(node)).unwrap();
    let after = |node, id| shop.after(sought("zzz", &[]), &at(node), Verdict::Category(id));
    assert_eq!(at(Some(1)).list, [11, 12, 1]);
    assert_eq!(after(None, 1), Next::Ask(at(Some(1))));
    assert_eq!(after(None, 2), Next::Answer(2));
    assert_eq!(after(Some(1), 12), Next::Answer(12));
    assert_eq!(after(Some(1), 1), Next::Answer(1));
    // Who names what is further down has chosen the branch; what is elsewhere was not offered.
    assert_eq!(after(Some(1), 111), Next::Ask(at(Some(11))));
    assert_eq!(shop.after(sought("zzz", &[]), &at(None), Verdict::NotOffered(112)), Next::Ask(at(Some(1))));
    assert_eq!(after(Some(1), 2), Next::Invalid);
    // A node that is gone by now: from the top.
    assert_eq!(at(Some(99)), at(None));
}

#[test]
fn a_leaf_that_was_refused_is_not_offered_again() {
    let shop = shop(3);
    let below = shop.offer(sought("knives", &[]), Step::Below(Some(11))).unwrap();
    assert_eq!(below.list, [112, 11]);
}

#[test]
fn a_node_that_may_not_answer_is_a_branch_and_no_answer() {
    let node = |(id, parent, path): (i32, Option<i32>, &str)| Node { id, parent, path: path.to_owned() };
    let nodes = [(1, None, "Home"), (11, Some(1), "Home > Garden"), (12, Some(1), "Home > Kitchen")].map(node);
    let leaves = of(nodes.to_vec(), &[1], 2);
    assert_eq!(offer(&leaves, "home", Step::Short), Some((Step::Below(None), vec![1])));
    assert_eq!(offer(&leaves, "zzz", Step::Below(Some(1))), Some((Step::Below(Some(1)), vec![11, 12])));
    let offered = Offered { step: Step::Below(None), list: vec![1] };
    assert_eq!(leaves.request(&[&offered]).list()[0].label, "Home");
}

#[test]
fn a_level_of_thousands_is_offered_as_far_as_it_is_likely() {
    let wide = of(flat(15_000), &[], 20);
    assert_eq!(offer(&wide, "label7", Step::Short), Some((Step::Short, vec![7])));
    assert_eq!(offer(&wide, "label7", Step::Wide), None);
    assert_eq!(offer(&wide, "zzz", Step::Short), None);
    let many: Vec<String> = (0..200).map(|id| format!("label{id}")).collect();
    let (step, list) = offer(&wide, &many.join(" "), Step::Below(None)).unwrap();
    // The words that are read, without those of the long list.
    assert_eq!((step, list.len()), (Step::Below(None), LIKELY_BRANCHES));
    let refused = offer(&wide, &many.join(" "), Step::Wide).unwrap().1;
    assert!(refused.len() == 80 && list.iter().all(|id| !refused.contains(id)));
}

#[test]
fn a_tree_of_any_depth_is_walked_some_levels_down() {
    let path = |id: i32| (1..=id).map(|at| at.to_string()).collect::<Vec<_>>().join(" > ");
    let nodes = (1..=30).map(|id| Node { id, parent: (id > 1).then_some(id - 1), path: path(id) });
    let deep = of(nodes.collect(), &[], 5);
    let (mut offered, mut steps) = (deep.offer(sought("zzz", &[]), Step::Short).unwrap(), 1);
    let end = loop {
        match deep.after(sought("zzz", &[]), &offered, Verdict::Category(offered.list[0])) {
            Next::Ask(next) => (offered, steps) = (next, steps + 1),
            end => break end,
        }
    };
    assert_eq!((end, steps), (Next::Answer(8), 8));
}

#[test]
fn a_request_has_each_label_once_and_each_input_its_own_list() {
    let shop = shop(3);
    let list = |list: &[i32]| Offered { step: Step::Short, list: list.to_vec() };
    let choices = shop.request(&[&list(&[111, 2]), &list(&[2, 12])]);
    let labels =
        |offered: Vec<(&str, Option<&str>)>| offered.into_iter().map(|(l, _)| l.to_owned()).collect::<Vec<_>>();
    assert_eq!(labels(choices.offered()), ["Home > Kitchen > Knives", "Books", "Home > Garden", NONE_OF_THESE]);
    assert_eq!(labels(choices.offered_to(1)), ["Books", "Home > Garden", NONE_OF_THESE]);
    assert_eq!(choices.read("books"), Verdict::Category(2));
    assert_eq!(choices.read("Home > Kitchen"), Verdict::NotOffered(11));
    assert_eq!(choices.read("Shoes"), Verdict::Invalid);
    assert_eq!(choices.prompt().schema, shop.request(&[&list(&[12])]).prompt().schema);
}

#[test]
fn labels_that_differ_in_case_are_told_apart_by_it_also_where_one_is_offered() {
    let nodes = ["Polish", "polish", "none of these"].into_iter().zip(0..);
    let nodes = nodes.map(|(path, id)| Node { id, parent: None, path: path.to_owned() }).collect();
    let choices = of(nodes, &[], 3).request(&[&Offered { step: Step::Short, list: vec![0] }]);
    assert_eq!(choices.read("Polish"), Verdict::Category(0));
    assert_eq!(choices.read("polish"), Verdict::NotOffered(1));
    assert_eq!(choices.read(NONE_OF_THESE), Verdict::NoneOfThese);
}

#[test]
fn lists_are_worth_it_where_they_cost_less() {
    let worth = |count, pack, decides| {
        let choices = flat(count).into_iter().map(|node| Choice { id: node.id, label: node.path, description: None });
        is_worth_it(&Choices::new(choices.collect()), 20, pack, decides)
    };
    assert_eq!([20, 40, 41].map(|count| worth(count, 1, false)), [false, false, true]);
    assert_eq!([100, 200, 201].map(|count| worth(count, 10, false)), [false, false, true]);
    assert_eq!([20, 40, 41, 255].map(|count| worth(count, 1000, true)), [false, false, true, true]);
}

proptest! {
    /// Whatever is said, no input is asked more often than is bound, and no list is empty, too long or holds one twice.
    #[test]
    fn every_input_comes_to_an_end(
        parents in proptest::collection::vec(any::<u16>(), 1..400), text in "[0-9 ]{0,12}", short in 1_usize..300,
        said in proptest::collection::vec((0_u8..4, any::<u16>()), 40), hints in proptest::collection::vec(0_i32..500, 0..6),
    ) {
        let mut nodes: Vec<Node> = Vec::new();
        for (id, parent) in (0_i32..).zip(&parents) {
            // Mostly of many levels, some at the top.
            let parent = i32::from(*parent) % (id + 1);
            let parent = (parent != id).then_some(parent);
            let above = parent.map_or(String::new(), |above| nodes[above as usize].path.clone() + " > ");
            nodes.push(Node { id, parent, path: format!("{above}{id}") });
        }
        let of = of(nodes, &[], short);
        let input = sought(&text, &hints);
        let mut next = of.offer(input, Step::Short).map_or(Next::Nothing, Next::Ask);
        for (asked, (kind, at)) in said.into_iter().enumerate() {
            let Next::Ask(offered) = next else { break };
            prop_assert!(asked < MOST_STEPS);
            prop_assert!((1..=LONGEST + 1).contains(&offered.list.len()));
            let distinct: HashSet<_> = offered.list.iter().collect();
            prop_assert_eq!(distinct.len(), offered.list.len());
            let at = usize::from(at);
            let verdict = match kind {
                0 => Verdict::NoneOfThese,
                1 => Verdict::NotOffered((at % parents.len()) as i32),
                _ => Verdict::Category(offered.list[at % offered.list.len()]),
            };
            next = of.after(input, &offered, verdict);
        }
        prop_assert!(!matches!(next, Next::Ask(_)));
    }
}
