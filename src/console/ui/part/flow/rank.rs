//! Which column a node stands in, and which way an edge takes.

use super::Edge;

/// The way of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the next column.
    Ahead,
    /// Back, to the same column, or past a column: in this lane below the boxes, 1 being the nearest.
    Lane(u16),
}

/// The column of each node: one more than the furthest of those that lead to it. Edges that close a circle do
/// not count; which ones those are follows from the order of the nodes, so the picture is always the same.
pub(super) fn ranks(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let ahead = without_circles(nodes, edges);
    let mut ranks = vec![0; nodes];
    // Without circles the longest path has fewer edges than there are nodes.
    for _ in 0..nodes {
        for &(from, to) in &ahead {
            ranks[to] = ranks[to].max(ranks[from] + 1);
        }
    }
    ranks
}

/// The edges that are left when those that lead to a node still being visited are taken out.
fn without_circles(nodes: usize, edges: &[(usize, usize)]) -> Vec<(usize, usize)> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; nodes];
    let mut ahead = Vec::new();
    for start in 0..nodes {
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        // A node and the next of its edges to look at: depth first, without recursion.
        let mut path = vec![(start, 0)];
        while let Some(&mut (node, ref mut next)) = path.last_mut() {
            let Some(offset) = edges[*next..].iter().position(|&(from, _)| from == node) else {
                marks[node] = Mark::Done;
                path.pop();
                continue;
            };
            let (_, to) = edges[*next + offset];
            *next += offset + 1;
            if marks[to] != Mark::Open {
                ahead.push((node, to));
            }
            if marks[to] == Mark::New {
                marks[to] = Mark::Open;
                path.push((to, 0));
            }
        }
    }
    ahead
}

/// The way of each edge. Short lanes lie nearer to the boxes, so that fewer lines cross.
pub(super) fn ways(ranks: &[usize], edges: &[Edge<'_>]) -> Vec<Way> {
    let mut ways = vec![Way::Ahead; edges.len()];
    let steps = |edge: &Edge<'_>| ranks[edge.to] as i64 - ranks[edge.from] as i64;
    let mut lanes: Vec<usize> = (0..edges.len())
        .filter(|&at| steps(&edges[at]) != 1)
        .collect();
    lanes.sort_by_key(|&at| (steps(&edges[at]).abs(), edges[at].from, edges[at].to));
    for (at, lane) in lanes.into_iter().zip(1..) {
        ways[at] = Way::Lane(lane);
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_follow_the_longest_path() {
        assert_eq!(ranks(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), [0, 1, 2, 3]);
    }

    #[test]
    fn circles_do_not_count() {
        assert_eq!(
            ranks(3, &[(0, 1), (1, 2), (2, 1), (2, 0), (1, 1)]),
            [0, 1, 2]
        );
        assert_eq!(ranks(2, &[(0, 1), (1, 0)]), [0, 1]);
        assert_eq!(ranks(0, &[]), Vec::<usize>::new());
    }
}
