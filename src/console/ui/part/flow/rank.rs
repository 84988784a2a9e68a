//! Ranks: the column of each node, and the way that an edge takes.

use super::Edge;

/// Way of an edge between two boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the next column.
    Ahead,
    /// Back, to the same column, or past a column: in this lane below the boxes, 1 being the nearest.
    Below(u16),
    /// The same in this lane above the boxes, 1 being the nearest.
    Above(u16),
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

/// The nodes of each column, top to bottom. Those that a lane leads to or from stand at an end: from anywhere
/// else a lane would run behind the boxes between.
pub(super) fn columns(ranks: &[usize], edges: &[Edge<'_>]) -> Vec<Vec<usize>> {
    let lanes = |at: usize| {
        let own = edges.iter().filter(|it| it.from == at || it.to == at);
        own.filter(|it| needs_lane(ranks, it)).count()
    };
    let count = ranks.iter().max().map_or(0, |most| most + 1);
    let column = |rank: usize| {
        let mut column: Vec<usize> = (0..ranks.len()).filter(|&at| ranks[at] == rank).collect();
        column.sort_by_key(|&at| lanes(at));
        // The busiest is at the bottom, the next one goes to the top.
        if let [.., next, _] = *column
            && lanes(next) > 0
        {
            let at = column.len() - 2;
            column[..=at].rotate_right(1);
        }
        column
    };
    (0..count).map(column).collect()
}

fn needs_lane(ranks: &[usize], edge: &Edge<'_>) -> bool {
    ranks[edge.to] != ranks[edge.from] + 1
}

/// Ways of the edges, in order; `None` when one would run behind a box. Short lanes lie nearer to the boxes, so that
/// fewer lines cross.
pub(super) fn ways(ranks: &[usize], columns: &[Vec<usize>], edges: &[Edge<'_>]) -> Option<Vec<Way>> {
    let mut ways = vec![Way::Ahead; edges.len()];
    let mut lanes: Vec<usize> = (0..edges.len()).filter(|&at| needs_lane(ranks, &edges[at])).collect();
    lanes.sort_by_key(|&at| {
        let edge = &edges[at];
        (ranks[edge.to].abs_diff(ranks[edge.from]), edge.from, edge.to)
    });
    let (mut above, mut below) = (0, 0);
    for at in lanes {
        let ends = [edges[at].from, edges[at].to];
        let all_are =
            |end: fn(&Vec<usize>) -> Option<&usize>| ends.iter().all(|&node| end(&columns[ranks[node]]) == Some(&node));
        ways[at] = if all_are(|it| it.last()) {
            below += 1;
            Way::Below(below)
        } else if all_are(|it| it.first()) {
            above += 1;
            Way::Above(above)
        } else {
            return None;
        };
    }
    Some(ways)
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
        assert_eq!(ranks(3, &[(0, 1), (1, 2), (2, 1), (2, 0), (1, 1)]), [0, 1, 2]);
        assert_eq!(ranks(2, &[(0, 1), (1, 0)]), [0, 1]);
        assert_eq!(ranks(0, &[]), Vec::<usize>::new());
    }
}
