//! Every route there is.
//!
//! Bottlerocket's paths keep its parameters, bodies, codes and plain-text errors; ours lie under `/v1/` and speak JSON.

mod bottlerocket;
mod ours;

use alloc::vec::Vec;

use serde_json::Value;

use crate::message::{Described, Schemas};
use crate::role::Role;
use crate::route::{Answer, Body, Content, Method, Parameter, Route};
use crate::types::Failure;

/// What the server does for a route. Its handlers are one `match` over this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is described by its route")]
pub enum Call {
    GetModel,
    GetSettings,
    PatchSettings,
    PatchKeypairs,
    ListTransactions,
    GetTransaction,
    GetTransactionV2,
    DeleteTransaction,
    CommitTransaction,
    ApplyKeys,
    CommitAndApply,
    GetOs,
    AffectedServices,
    SettingGenerators,
    SettingGeneratorsV2,
    Templates,
    GetServices,
    GetConfigurationFiles,
    Lockdown,
    Reboot,
    RefreshUpdates,
    PrepareUpdate,
    ActivateUpdate,
    DeactivateUpdate,
    UpdatesStatus,
    ConfigureNetwork,
    EphemeralInit,
    EphemeralBind,
    EphemeralDisks,
    EphemeralVolumes,
    EphemeralDirs,
    Exec,
    ListReports,
    CisReport,
    FipsReport,
    ShowSettings,
    ChangeSettings,
    DeleteSettings,
    Explain,
    Problems,
    Schema,
    Generations,
    Generation,
    DiffGenerations,
    RollBack,
    Confirm,
    ApplyResult,
    ApplyAgain,
    Watch,
    Boot,
    Services,
    Service,
    RestartService,
    Logs,
    Status,
    OpenApi,
    Audit,
    Certificates,
    IssueCertificate,
    RevokeCertificate,
}

const COUNT: usize = bottlerocket::ROUTES.len() + ours::ROUTES.len();

const fn all() -> [Route; COUNT] {
    let mut all = [bottlerocket::ROUTES[0]; COUNT];
    let mut index = 0;
    while index < COUNT {
        all[index] = if index < bottlerocket::ROUTES.len() {
            bottlerocket::ROUTES[index]
        } else {
            ours::ROUTES[index - bottlerocket::ROUTES.len()]
        };
        index += 1;
    }
    all
}

static ALL: [Route; COUNT] = all();

/// Every route: Bottlerocket's, then ours.
pub static ROUTES: &[Route] = &ALL;

impl Route {
    /// What every call can answer, beside its own: errors of a request, of its caller, and of the host.
    pub const COMMON: &[Answer] = &[
        failure(400, "The request cannot be read, or a parameter of it."),
        failure(403, "The caller may not do this."),
        failure(413, "The body is longer than 1 MiB."),
        failure(429, "Too many requests at once: try again."),
        failure(500, "The host failed; the message names the operation and the cause."),
    ];
}

pub(super) const fn json<T: Described>(status: u16, doc: &'static str) -> Answer {
    Answer { status, doc, content: Content::Json(T::schema) }
}

pub(super) const fn nothing(doc: &'static str) -> Answer {
    Answer { status: 204, doc, content: Content::Nothing }
}

pub(super) const fn text(status: u16, doc: &'static str) -> Answer {
    Answer { status, doc, content: Content::Text }
}

pub(super) const fn failure(status: u16, doc: &'static str) -> Answer {
    json::<Failure>(status, doc)
}

pub(super) const fn optional(name: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, doc, required: false }
}

pub(super) const fn required(name: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, doc, required: true }
}

pub(super) const fn route(
    call: Call,
    method: Method,
    path: &'static str,
    access: Role,
    doc: &'static str,
    answers: &'static [Answer],
) -> Route {
    Route { call, method, path, access, doc, query: &[], body: None, answers }
}

impl Route {
    pub(crate) const fn query(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    pub(crate) const fn json_body<T: Described>(mut self, doc: &'static str) -> Self {
        self.body = Some(Body { doc, content: Content::Json(T::schema) });
        self
    }

    pub(crate) const fn text_body(mut self, doc: &'static str) -> Self {
        self.body = Some(Body { doc, content: Content::Text });
        self
    }
}

/// A JSON object whose shape is the settings schema's, or another document's.
pub(super) struct Object;

impl Described for Object {
    fn schema(_: &mut Schemas) -> Value {
        serde_json::json!({ "type": "object" })
    }
}

/// A list of keys or names.
pub(super) type Texts = Vec<alloc::string::String>;
