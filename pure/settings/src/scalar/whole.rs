//! Whole numbers between two bounds.

use alloc::borrow::Cow;
use alloc::format;

use crate::read::{Reader, Setting};
use crate::shape::{Facts, Kind, Shape};
use crate::tree::{Item, Node};
use crate::value::Value;

/// A whole number from `MIN` to `MAX`, written as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// The number, if it lies between the bounds.
    pub const fn new(number: i64) -> Option<Self> {
        if MIN <= number && number <= MAX { Some(Whole(number)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }

    fn words() -> Cow<'static, str> {
        match (MIN, MAX) {
            (i64::MIN, i64::MAX) => "a whole number".into(),
            (_, i64::MAX) => format!("a whole number from {MIN}").into(),
            _ => format!("a whole number from {MIN} to {MAX}").into(),
        }
    }
}

impl<const MIN: i64, const MAX: i64> Setting for Whole<MIN, MAX> {
    fn shape() -> Shape {
        Shape::Scalar(Facts { words: Self::words(), ..Facts::new(Kind::Integer, "").between(MIN, MAX) })
    }

    fn read(node: &Node, at: &mut Reader) -> Option<Self> {
        let Item::Integer(number) = node.item else {
            at.wanted(node, &Self::words());
            return None;
        };
        let whole = Self::new(number);
        if whole.is_none() {
            at.problem(node, format!("not {}", Self::words()));
        }
        whole
    }

    fn write(&self) -> Option<Value> {
        Some(Value::Integer(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Layer;

    #[test]
    fn both_bounds_are_inside() {
        type Small = Whole<-1, 2047>;
        for (number, good) in
            [(-2, false), (-1, true), (0, true), (2047, true), (2048, false), (i64::MAX, false)]
        {
            let mut at = Reader::default();
            let read = Small::read(&Node::new(Layer::Api, Item::Integer(number)), &mut at);
            assert_eq!(read.map(Whole::get), good.then_some(number));
            assert_eq!(at.into_problems().len(), usize::from(!good));
        }
    }
}
