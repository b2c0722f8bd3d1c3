//! What the ECS agent and its Docker engine read.
//!
//! Each file is made of typed values, also where a variable holds JSON: no half of an object ever depends on a setting.

mod agent;
mod docker;

use crate::{Renderer, Variant};

const VARIANTS: &[Variant] = &[Variant::Ecs];

pub(crate) const RENDERERS: &[Renderer] = &[
    Renderer {
        name: "ecs-agent",
        reads: agent::READS,
        units: &["ecs"],
        variants: VARIANTS,
        render: agent::render,
    },
    Renderer {
        name: "docker",
        reads: docker::READS,
        units: &["docker"],
        variants: VARIANTS,
        render: docker::render,
    },
];
