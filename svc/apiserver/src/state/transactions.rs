//! Bottlerocket's transactions: changes gathered by name until they are committed. They live as long as the service.

use std::collections::BTreeMap;

use hyper::StatusCode;
use settings::layers::Layers;
use settings::tree::{Item, Tree};
use settings::{KeyPath, Layer};

use crate::answer::Refusal;
use crate::serve::shown;

/// The transaction of callers that name none.
const DEFAULT: &str = "default";

/// Longest name; Bottlerocket's clients make ones of some thirty characters.
const NAME_BYTES: usize = 64;

/// Most bytes of bodies that one transaction takes: four of the longest. Answers a transaction that grows without end.
const TRANSACTION_BYTES: usize = 4 << 20;

/// Changes that are not committed, by name.
#[derive(Debug, Default)]
pub struct Transactions(BTreeMap<String, Pending>);

#[derive(Debug, Default)]
struct Pending {
    /// One layer only: the API's.
    layers: Layers,
    bytes: usize,
}

/// Whether a document has no more than its top.
pub fn sets_nothing(tree: &Tree) -> bool {
    tree.root.values().all(|node| matches!(&node.item, Item::Table(table) if table.is_empty()))
}

/// The name of a transaction, checked.
pub fn name_of(given: Option<&str>) -> Result<&str, Refusal> {
    let name = given.unwrap_or(DEFAULT);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match name.len() {
        1..=NAME_BYTES if name.bytes().all(plain) => Ok(name),
        _ => {
            let why = format!("a transaction's name has 1 to {NAME_BYTES} letters, digits, dots, _ and -");
            Err(Refusal::bad("tx does not name a transaction").at("tx", format!("{:?}: {why}", shown(name))))
        }
    }
}

impl Transactions {
    /// Names of those with something pending.
    pub fn names(&self) -> Vec<&String> {
        self.0.keys().collect()
    }

    /// What is pending, if anything is.
    pub fn get(&self, name: &str) -> Option<&Tree> {
        self.0.get(name).and_then(|pending| pending.layers.get(Layer::Api))
    }

    /// Keys that are pending.
    pub fn keys(&self, name: &str) -> Vec<KeyPath> {
        self.0.get(name).map(|pending| pending.layers.keys()).unwrap_or_default()
    }

    /// Lays `change`, which came as `bytes` bytes, over what is pending.
    pub fn add(&mut self, name: &str, change: Tree, bytes: usize, most: usize) -> Result<(), Refusal> {
        if !self.0.contains_key(name) && self.0.len() >= most {
            let error = format!("{most} transactions are open, more are not kept");
            let remedy = "commit them, or DELETE /tx?tx=NAME; GET /tx/list names them";
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, error).remedy(remedy));
        }
        let pending = self.0.entry(name.to_owned()).or_default();
        if pending.bytes + bytes > TRANSACTION_BYTES {
            let error =
                format!("a transaction takes {TRANSACTION_BYTES} bytes, this one has {}", pending.bytes);
            return Err(
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, error).remedy("commit it, and begin another")
            );
        }
        pending.bytes += bytes;
        pending.layers.write(Layer::Api, change, None);
        if pending.layers.get(Layer::Api).is_none_or(sets_nothing) {
            // A document that sets nothing makes no transaction.
            self.0.remove(name);
        }
        Ok(())
    }

    /// Forgets a transaction.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}
