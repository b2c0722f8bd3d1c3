//! Who comes before whom.
//!
//! The graph's edges are `after` (which holds `requires` and `binds`). Its order is stable: of two units that do not
//! order each other, the one earlier in the set comes first, so the same set always boots the same way.

use alloc::vec::Vec;

use crate::unit::{Unit, UnitId};

/// Units that each come after the next, and the last after the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle(pub Vec<UnitId>);

/// The order in which units start when nothing delays them.
pub fn start_order(units: &[Unit]) -> Result<Vec<UnitId>, Cycle> {
    let mut walk =
        Walk { units, marks: alloc::vec![Mark::New; units.len()], path: Vec::new(), order: Vec::new() };
    for id in ids(units.len()) {
        walk.visit(id)?;
    }
    Ok(walk.order)
}

/// For each unit, the units that `edges` lead to it from.
pub fn reversed(units: &[Unit], edges: impl Fn(&Unit) -> &[UnitId]) -> Vec<Vec<UnitId>> {
    let mut incoming = alloc::vec![Vec::new(); units.len()];
    for (id, unit) in ids(units.len()).zip(units) {
        for target in edges(unit) {
            if let Some(sources) = incoming.get_mut(target.index()) {
                sources.push(id);
            }
        }
    }
    incoming
}

/// `root` and every unit that `edges` reach from it, in the order found.
pub fn closure<'a>(
    units: &'a [Unit],
    root: UnitId,
    edges: impl Fn(&'a Unit) -> alloc::boxed::Box<dyn Iterator<Item = UnitId> + 'a>,
) -> Vec<UnitId> {
    let mut found = alloc::vec![root];
    let mut next = 0;
    while let Some(&id) = found.get(next) {
        next = next.saturating_add(1);
        for target in units.get(id.index()).into_iter().flat_map(&edges) {
            if !found.contains(&target) {
                found.push(target);
            }
        }
    }
    found
}

/// Every id of a set of `count` units.
pub(crate) fn ids(count: usize) -> impl DoubleEndedIterator<Item = UnitId> + Clone {
    (0..u16::try_from(count).unwrap_or(u16::MAX)).map(UnitId)
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    New,
    Open,
    Done,
}

/// A depth-first walk; `path` is what is open, so a second visit to an open unit is a cycle and `path` shows it.
/// Its depth is bounded by the number of units, which [`crate::set`] limits.
struct Walk<'a> {
    units: &'a [Unit],
    marks: Vec<Mark>,
    path: Vec<UnitId>,
    order: Vec<UnitId>,
}

impl Walk<'_> {
    fn visit(&mut self, id: UnitId) -> Result<(), Cycle> {
        let Some(mark) = self.marks.get_mut(id.index()) else { return Ok(()) };
        match *mark {
            Mark::Done => return Ok(()),
            Mark::Open => {
                let cycle = self.path.iter().copied().skip_while(|open| *open != id).collect();
                return Err(Cycle(cycle));
            }
            Mark::New => *mark = Mark::Open,
        }
        self.path.push(id);
        for before in self.units.get(id.index()).map(|unit| unit.after.as_slice()).unwrap_or_default() {
            self.visit(*before)?;
        }
        self.path.pop();
        self.order.push(id);
        if let Some(mark) = self.marks.get_mut(id.index()) {
            *mark = Mark::Done;
        }
        Ok(())
    }
}
