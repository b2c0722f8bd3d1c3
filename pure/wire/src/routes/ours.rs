//! The paths that Bottlerocket has no word for.

use alloc::vec::Vec;

use Method::{Delete, Get, Patch, Post};
use Role::{Admin, Operator, Reader};

use super::{Call, Object, failure, json, optional, required, route};
use crate::role::Role;
use crate::route::{Answer, Content, Method, Parameter, Route};
use crate::types::{
    ApplyState, AuditPage, Boot, Certificate, CertificateIssued, CertificateList, CertificateWanted,
    Deletion, Diff, Explanation, GenerationShown, GenerationSummary, LogPage, Outcome, ProblemList,
    ServiceStatus, SettingsPatch, SettingsShown, Status, UnitRenewal,
};

const SECRETS: Parameter = optional("secrets", "`show` writes secrets out; for administrators.");
const DRY_RUN: Parameter = optional("dry-run", "`true` changes nothing and answers what would follow.");
const CONFIRM: Parameter = optional(
    "confirm-within",
    "Seconds (1 to 86400). Without a confirmation in that time the change is undone by itself.",
);

const CHANGED: Answer = json::<Outcome>(
    200,
    "Committed and applied; or, with `dry-run`, what would be (its `applied` is false).",
);
const INVALID: Answer = failure(400, "Every problem with its path. Nothing is changed.");
const CONFLICT: Answer = failure(
    409,
    "The generation is not the one of `If-Match`, or one awaits confirmation. `current` says which is in effect.",
);
const UNDONE: Answer = failure(
    500,
    "Applying failed; the former settings are in effect again. `apply` and `undone` tell the steps.",
);
const NO_AUTHORITY: Answer = failure(
    409,
    "The host issues none: the remote API is off, or `settings.api.client-ca` names another authority.",
);
const NO_GENERATION: Answer = failure(404, "No such generation is kept.");

pub(super) const ROUTES: [Route; 25] = [
    route(Call::ShowSettings, Get, "/v1/settings", Reader, "The settings in effect, and their generation.", &[
        json::<SettingsShown>(200, "Settings; the header `ETag` has the generation too."),
    ])
    .query(&[optional("prefix", "Only this key, and those below it."), SECRETS]),
    route(Call::ChangeSettings, Patch, "/v1/settings", Admin, "Changes settings: commits and applies in one step.", &[
        CHANGED, INVALID, CONFLICT, UNDONE,
    ])
    .query(&[DRY_RUN, CONFIRM])
    .json_body::<SettingsPatch>("Settings to lay over those of the API's layer."),
    route(
        Call::DeleteSettings,
        Delete,
        "/v1/settings",
        Admin,
        "Deletes keys, so that the next lower layer's values are in effect; commits and applies.",
        &[CHANGED, INVALID, failure(404, "A key that only the image or nobody set."), CONFLICT, UNDONE],
    )
    .query(&[optional("keys", "Comma-separated keys; or the body names them."), DRY_RUN, CONFIRM])
    .json_body::<Deletion>("Keys to delete."),
    route(Call::Explain, Get, "/v1/settings/explain", Reader, "Which layer set a key, when, and what it replaced.", &[
        json::<Explanation>(200, "Each value of each layer."),
        failure(404, "Nobody set it."),
    ])
    .query(&[required("key", "A key; every value below it is explained."), SECRETS]),
    route(Call::Problems, Get, "/v1/settings/problems", Reader, "What of the user data was left out, and why.", &[
        json::<ProblemList>(200, "Every problem with layer and path."),
    ]),
    route(Call::Schema, Get, "/v1/settings/schema", Reader, "What may be set: JSON Schema.", &[json::<Object>(
        200,
        "Draft 2020-12.",
    )]),
    route(Call::Generations, Get, "/v1/generations", Reader, "Generations kept, the newest first.", &[json::<
        Vec<GenerationSummary>,
    >(
        200, "Each with when, who and why.",
    )]),
    route(Call::DiffGenerations, Get, "/v1/generations/diff", Reader, "What differs between two generations.", &[
        json::<Diff>(200, "Each key that differs."),
        NO_GENERATION,
    ])
    .query(&[required("from", "A generation."), optional("to", "Another; the current one without it.")]),
    route(Call::Generation, Get, "/v1/generations/{n}", Reader, "One generation.", &[
        json::<GenerationShown>(200, "With its settings."),
        NO_GENERATION,
    ])
    .query(&[SECRETS]),
    route(
        Call::RollBack,
        Post,
        "/v1/generations/{n}/rollback",
        Admin,
        "Commits a former generation's content again, and applies it.",
        &[CHANGED, INVALID, NO_GENERATION, CONFLICT, UNDONE],
    )
    .query(&[DRY_RUN, CONFIRM]),
    route(Call::Confirm, Post, "/v1/generations/{n}/confirm", Admin, "Keeps a change that awaits confirmation.", &[
        json::<GenerationSummary>(200, "The generation, confirmed."),
        NO_GENERATION,
        failure(409, "It does not await confirmation: confirmed already, or undone at its deadline."),
    ]),
    route(Call::ApplyResult, Get, "/v1/apply", Reader, "What came of applying, last.", &[json::<ApplyState>(
        200,
        "The last report, and what awaits confirmation.",
    )]),
    route(Call::ApplyAgain, Post, "/v1/apply", Operator, "Applies the current generation again.", &[
        json::<ApplyState>(200, "Applied."),
        failure(500, "Applying failed: the report says where."),
    ]),
    route(Call::Watch, Get, "/v1/watch", Reader, "Tells every generation and every apply, as they come.", &[Answer {
        status: 200,
        doc: "Server-sent events: `generation` (GenerationSummary), `apply` (Report), `behind` (some were missed). Whoever comes back with `Last-Event-ID` is told what came after it.",
        content: Content::Events,
    }])
    .query(&[optional("since", "A generation: those after it that are kept come first.")]),
    route(Call::Boot, Get, "/v1/boot", Reader, "How this boot went, in milliseconds.", &[json::<Boot>(
        200,
        "Milestones and units.",
    )]),
    route(Call::Services, Get, "/v1/services", Reader, "Units of PID 1.", &[json::<Vec<ServiceStatus>>(
        200,
        "Each with its state.",
    )]),
    route(Call::Service, Get, "/v1/services/{name}", Reader, "One unit.", &[
        json::<ServiceStatus>(200, "Its state."),
        failure(404, "No such unit."),
    ]),
    route(Call::RestartService, Post, "/v1/services/{name}/restart", Operator, "Restarts a unit; waits until ready.", &[
        json::<UnitRenewal>(200, "What came of it."),
        failure(404, "No such unit."),
        failure(500, "It did not become ready: the message says why."),
    ]),
    route(Call::Logs, Get, "/v1/logs", Operator, "Lines of the host's log, the newest last.", &[json::<LogPage>(
        200,
        "Lines; with `follow=true`, server-sent events `line` (LogLine) without end.",
    )])
    .query(&[
        optional("unit", "Only this unit's; `kernel` for the kernel's."),
        optional("lines", "How many at most: 1 to 10000, 100 without it; and 8 MiB of text."),
        optional("follow", "`true` goes on with each new line."),
    ]),
    route(Call::Status, Get, "/v1/status", Reader, "The host in short.", &[json::<Status>(200, "Release, generation, health.")]),
    route(Call::OpenApi, Get, "/v1/openapi.json", Reader, "This description, for programs: OpenAPI 3.1.", &[
        json::<Object>(200, "The document."),
    ]),
    route(Call::Audit, Get, "/v1/audit", Operator, "Who asked for what: the hash-chained record of calls.", &[
        json::<AuditPage>(200, "Records, the oldest first, as they are stored."),
    ])
    .query(&[
        optional("since", "Only records after this number."),
        optional("lines", "How many at most: 1 to 10000, 1000 without it."),
    ]),
    route(Call::Certificates, Get, "/v1/certificates", Operator, "Client certificates that the host issued itself.", &[
        json::<CertificateList>(200, "Those that have not expired."),
        NO_AUTHORITY,
    ]),
    route(Call::IssueCertificate, Post, "/v1/certificates", Admin, "Issues a client certificate for the remote API.", &[
        json::<CertificateIssued>(200, "The certificate and its key, which is kept nowhere."),
        failure(400, "Every problem of what was asked for."),
        NO_AUTHORITY,
        failure(503, "Nobody has told the host the time yet."),
        failure(507, "Too many are valid already."),
    ])
    .json_body::<CertificateWanted>("Whose, which role, for how long."),
    route(
        Call::RevokeCertificate,
        Delete,
        "/v1/certificates/{serial}",
        Admin,
        "Revokes a certificate that the host issued; connections with it end.",
        &[json::<Certificate>(200, "Revoked."), failure(404, "None of that number was issued, or it has expired."), NO_AUTHORITY],
    ),
];
