//! Circles in a graph: who uses itself by way of others.

use super::edges::Graph;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;

/// The shortest circle through every node that is on one, unless an earlier one passes it already: as the names in
/// order, the first one again at the end.
pub fn circles<T: Ord + Display>(graph: &Graph<T>) -> Vec<String> {
    let (mut passed, mut found) = (BTreeSet::new(), Vec::new());
    for start in graph.keys() {
        if !passed.contains(start)
            && let Some(circle) = shortest(graph, start)
        {
            passed.extend(circle.iter().copied());
            let names: Vec<String> = circle.iter().map(ToString::to_string).collect();
            found.push(names.join(" -> "));
        }
    }
    found
}

/// Breadth first, from `start` to `start`.
fn shortest<'a, T: Ord>(graph: &'a Graph<T>, start: &'a T) -> Option<Vec<&'a T>> {
    let mut came_from: BTreeMap<&T, &T> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(node) = next.pop_front() {
        for used in graph.get(node).into_iter().flatten().filter(|used| *used != node) {
            if used == start {
                let way = std::iter::successors(Some(node), |node| came_from.get(node).copied());
                let mut circle: Vec<&T> = std::iter::once(start).chain(way).collect();
                circle.reverse();
                return Some(circle);
            }
            if !came_from.contains_key(used) {
                came_from.insert(used, node);
                next.push_back(used);
            }
        }
    }
    None
}
