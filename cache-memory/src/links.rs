//! Doubly linked lists of record numbers in one vector, without pointers.
//!
//! Every list is a ring through a head of its own, so that a record leaves its list without
//! knowing which one it is in. Eight bytes a record.

/// The lists. Heads are numbered from 0, records from 0 as well.
#[derive(Debug, Default)]
pub(crate) struct Links {
    heads: u32,
    /// The heads first, then the records.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    previous: u32,
    next: u32,
}

impl Links {
    /// That many empty lists.
    pub(crate) fn new(heads: u32) -> Self {
        let nodes = (0..heads).map(Node::alone).collect();
        Self { heads, nodes }
    }

    /// The oldest record of a list.
    pub(crate) fn first(&self, head: u32) -> Option<u32> {
        self.after(head, head)
    }

    /// The oldest record of a list other than this one.
    pub(crate) fn first_but(&self, head: u32, record: u32) -> Option<u32> {
        let first = self.first(head)?;
        if first == record {
            return self.after(head, first + self.heads);
        }
        Some(first)
    }

    /// The record after a node of a list.
    fn after(&self, head: u32, node: u32) -> Option<u32> {
        let next = self.nodes[at(node)].next;
        (next != head).then(|| next - self.heads)
    }

    /// Appends a record that is in no list.
    pub(crate) fn push(&mut self, head: u32, record: u32) {
        let node = record + self.heads;
        let known = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        self.nodes.extend((known..=node).map(Node::alone));
        let last = self.nodes[at(head)].previous;
        self.nodes[at(node)] = Node {
            previous: last,
            next: head,
        };
        self.nodes[at(last)].next = node;
        self.nodes[at(head)].previous = node;
    }

    /// Takes a record out of its list; `false` if it is in none.
    pub(crate) fn unlink(&mut self, record: u32) -> bool {
        let number = record + self.heads;
        let Some(&node) = self.nodes.get(at(number)) else {
            return false;
        };
        self.nodes[at(node.previous)].next = node.next;
        self.nodes[at(node.next)].previous = node.previous;
        self.nodes[at(number)] = Node::alone(number);
        node.next != number
    }
}

impl Node {
    fn alone(number: u32) -> Self {
        Self {
            previous: number,
            next: number,
        }
    }
}

fn at(number: u32) -> usize {
    number as usize
}
