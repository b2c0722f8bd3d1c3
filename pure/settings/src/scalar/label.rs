//! Labels and taints of Kubernetes nodes.
//!
//! The rules are Kubernetes' own. The kubelet does not start with a label it may not set or a taint it cannot
//! read, so the node would be lost to its cluster: what it refuses is refused here.

use alloc::string::{String, ToString};

use super::{Invalid, Scalar, choice, text_scalar, through_text};

const WRONG_KEY: Invalid = Invalid::new(
    "not a label key: [PREFIX/]NAME, PREFIX a lower-case DNS name of up to 253, NAME 1 to 63 letters, digits, - _ and . with a letter or digit at both ends",
);

text_scalar! {
    /// A key of a label or taint: `NAME` or `PREFIX/NAME`. A prefix is a lower-case DNS name of up to 253; a name is 1 to
    /// 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
    LabelKey: "a label key ([PREFIX/]NAME)", |text| check_key(text)
}

text_scalar! {
    /// A key of a label that a kubelet may give its own node: a [`LabelKey`] outside `kubernetes.io` and `k8s.io`, or one of
    /// the few inside that kubelets may set.
    NodeLabelKey: "a label key ([PREFIX/]NAME)", |text| {
        check_key(text)?;
        match text.split_once('/') {
            Some((prefix, _)) if reserved(prefix) && !open(prefix) && !OWN_LABELS.contains(&text) => Err(Invalid::new(
                "a label in kubernetes.io or k8s.io that a node may not give itself: its kubelet would not start; set it through the API server",
            )),
            _ => Ok(()),
        }
    }
}

text_scalar! {
    /// The value of a label: empty, or 1 to 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends.
    LabelValue: "a label value", |text| {
        if text.is_empty() || is_name(text) {
            return Ok(());
        }
        Err(Invalid::new(
            "not a label value: up to 63 letters, digits, - _ and . with a letter or digit at both ends",
        ))
    }
}

choice! {
    /// What a taint does to pods that do not tolerate it.
    pub enum Effect {
        /// They are not put here.
        NoSchedule = "NoSchedule",
        /// They are put elsewhere if there is room.
        PreferNoSchedule = "PreferNoSchedule",
        /// They are not put here, and those here are sent away.
        NoExecute = "NoExecute",
    }
}

/// A taint without its key: `[VALUE]:EFFECT`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// As a label's value.
    pub value: LabelValue,
    /// What it does.
    pub effect: Effect,
}

impl Scalar for Taint {
    const WANTED: &'static str = "a taint ([VALUE]:EFFECT)";

    fn parse(text: &str) -> Result<Self, Invalid> {
        let wrong = "not a taint: [VALUE]:EFFECT, EFFECT one of NoSchedule, PreferNoSchedule, NoExecute";
        let (value, effect) = text.split_once(':').ok_or(Invalid::new(wrong))?;
        let effect = Effect::parse(effect).map_err(|_| Invalid::new(wrong))?;
        Ok(Taint { value: LabelValue::parse(value)?, effect })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl core::fmt::Display for Taint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.value, self.effect)
    }
}

through_text!(Taint);

/// Labels in reserved namespaces that kubelets may set (kubernetes/kubernetes: kubelet's well-known labels).
const OWN_LABELS: &[&str] = &[
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
];

fn reserved(prefix: &str) -> bool {
    within(prefix, "kubernetes.io") || within(prefix, "k8s.io")
}

/// Namespaces inside the reserved ones that are a kubelet's own.
fn open(prefix: &str) -> bool {
    within(prefix, "kubelet.kubernetes.io") || within(prefix, "node.kubernetes.io")
}

fn within(prefix: &str, domain: &str) -> bool {
    prefix == domain || prefix.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

fn check_key(text: &str) -> Result<(), Invalid> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if is_name(name) && prefix.is_none_or(is_prefix) { Ok(()) } else { Err(WRONG_KEY) }
}

fn is_name(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=63).contains(&text.len()) && text.bytes().all(inside) && has_solid_ends(text)
}

/// Kubernetes limits the whole, not each label of it.
fn is_prefix(text: &str) -> bool {
    let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.len() <= 253 && text.split('.').all(|label| label.bytes().all(inside) && has_solid_ends(label))
}

fn has_solid_ends(text: &str) -> bool {
    let solid = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    solid(text.as_bytes().first()) && solid(text.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::tests::accepts;
    use alloc::format;

    #[test]
    fn label_keys_at_their_edges() {
        let (name, longer) = ("a".repeat(63), "a".repeat(64));
        let (prefixed, prefix_longer) = (format!("{}/n", "a".repeat(253)), format!("{}/n", "a".repeat(254)));
        accepts::<LabelKey>(
            &["no-prefix", "have.a/prefix", "More-chars_here.now", "0", "a.b-c.d/E_f", &name, &prefixed],
            &[
                "",
                "/",
                "a/",
                "/a",
                "a/b/c",
                ".bad",
                "bad.",
                "-a",
                "a_",
                "A.b/c",
                "a..b/c",
                "-a/b",
                "a_b/c",
                "a b",
                "a\n",
                "\u{e9}",
                &longer,
                &prefix_longer,
            ],
        );
    }

    #[test]
    fn nodes_may_not_give_themselves_reserved_labels() {
        accepts::<NodeLabelKey>(
            &[
                "role",
                "example.com/role",
                "topology.kubernetes.io/zone",
                "node.kubernetes.io/anything",
                "x.node.kubernetes.io/y",
                "kubelet.kubernetes.io/x",
                "notkubernetes.io/x",
            ],
            &[
                "node-role.kubernetes.io/worker",
                "kubernetes.io/role",
                "node-restriction.kubernetes.io/x",
                "k8s.io/x",
                "a.k8s.io/x",
                "xnode.kubernetes.io/y",
                "",
            ],
        );
        accepts::<LabelKey>(&["node-role.kubernetes.io/worker"], &[]);
    }

    #[test]
    fn label_values_at_their_edges() {
        let (fits, over) = ("a".repeat(63), "a".repeat(64));
        accepts::<LabelValue>(
            &["", "a", "More-chars_here.now", &fits],
            &[".bad", "bad.", "a b", "a/b", "a,b", "a=b", "a\n", &over],
        );
    }

    #[test]
    fn taints_have_a_value_and_an_effect_kubelets_know() {
        accepts::<Taint>(
            &["value:NoSchedule", ":NoSchedule", "a-b:PreferNoSchedule", "a:NoExecute"],
            &[
                "",
                ":",
                "value",
                "value:",
                "value:noschedule",
                "value:Never",
                "-a:NoSchedule",
                "a:b:NoExecute",
            ],
        );
        let taint = Taint::parse("gpu:NoExecute").unwrap();
        assert_eq!((taint.value.as_str(), taint.effect), ("gpu", Effect::NoExecute));
        assert_eq!(
            (taint.to_string(), Taint::parse(":NoExecute").unwrap().to_string()),
            ("gpu:NoExecute".into(), ":NoExecute".into())
        );
    }
}
