//! The paths that Bottlerocket's clients use.

use Method::{Delete, Get, Patch, Post};
use Role::{Admin, Operator, Reader};

use super::{Call, Object, Texts, json, nothing, optional, required, route, text};
use crate::role::Role;
use crate::route::{Answer, Method, Parameter, Route};
use crate::types::{KeyPairs, ReportKind};

const TX: Parameter = optional("tx", "Name of the transaction; `default` without it.");
const STRENGTH: Parameter = optional(
    "strength",
    "`strong` (the default). `weak` settings are the image's and cannot be written: 400.",
);
const SECRETS: Parameter = optional("secrets", "`show` writes secrets out; for administrators.");
const KEYS: Parameter = optional("keys", "Comma-separated keys; wins over `prefix`.");
const PREFIX: Parameter = optional("prefix", "Only keys that begin so. Not empty.");
const NAMES: Parameter = optional("names", "Comma-separated names; wins over `prefix`. An unknown one: 404.");
const ALL_KEYS: Parameter = required("keys", "Comma-separated keys.");
const FORMAT: Parameter = optional("format", "`text` (the default) or `json`.");

const MALFORMED: Answer =
    text(400, "A key, value or document is wrong: every problem on its line. Nothing is changed.");
const MISSING: Answer = text(501, "Not served by this release; says what is missing.");

pub(super) const ROUTES: [Route; 35] = [
    route(Call::GetModel, Get, "/", Reader, "Everything: settings, services, configuration files, os.", &[
        json::<Object>(200, "The model, or what of it begins with `prefix`."),
    ])
    .query(&[PREFIX, SECRETS]),
    route(Call::GetSettings, Get, "/settings", Reader, "The settings in effect.", &[json::<Object>(
        200,
        "Settings, without `settings` around them.",
    )])
    .query(&[KEYS, PREFIX, SECRETS]),
    route(Call::PatchSettings, Patch, "/settings", Admin, "Lays settings over a transaction's.", &[
        nothing("Pending in the transaction."),
        MALFORMED,
    ])
    .query(&[TX, STRENGTH])
    .json_body::<Object>("Settings; `{\"settings\": ...}` around them may be left out."),
    route(Call::PatchKeypairs, Patch, "/settings/keypair", Admin, "The same, as `key=value` texts.", &[
        nothing("Pending in the transaction."),
        MALFORMED,
    ])
    .query(&[TX, STRENGTH])
    .json_body::<KeyPairs>("Keys with values, each read as the model wants it there."),
    route(Call::ListTransactions, Get, "/tx/list", Reader, "Transactions with something pending.", &[
        json::<Texts>(200, "Their names."),
    ]),
    route(Call::GetTransaction, Get, "/tx", Reader, "What a transaction would change.", &[json::<Object>(
        200,
        "Settings; empty where nothing is pending.",
    )])
    .query(&[TX, SECRETS]),
    route(Call::GetTransactionV2, Get, "/v2/tx", Reader, "The same, with metadata.", &[json::<Object>(
        200,
        "`settings` and `metadata` (each key's strength).",
    )])
    .query(&[TX, SECRETS]),
    route(Call::DeleteTransaction, Delete, "/tx", Admin, "Forgets a transaction.", &[json::<Texts>(
        200,
        "The keys that were pending.",
    )])
    .query(&[TX]),
    route(Call::CommitTransaction, Post, "/tx/commit", Admin, "Commits a transaction: a new generation.", &[
        json::<Texts>(200, "The keys that it writes."),
        MALFORMED,
        text(422, "Nothing is pending."),
    ])
    .query(&[TX]),
    route(Call::ApplyKeys, Post, "/tx/apply", Operator, "Applies what is committed, and waits for it.", &[
        nothing("Applied."),
    ])
    .query(&[optional("keys", "Accepted; what follows from the keys that changed is found without it.")]),
    route(
        Call::CommitAndApply,
        Post,
        "/tx/commit_and_apply",
        Admin,
        "Commits a transaction and applies it. If applying fails, the former settings are in effect again (500).",
        &[json::<Texts>(200, "The keys that it writes."), MALFORMED, text(422, "Nothing is pending.")],
    )
    .query(&[TX]),
    route(Call::GetOs, Get, "/os", Reader, "The release that runs.", &[json::<Object>(
        200,
        "`version_id`, `build_id`, `variant_id`, `arch`, `pretty_name`.",
    )])
    .query(&[PREFIX]),
    route(Call::AffectedServices, Get, "/metadata/affected-services", Reader, "Units that a key's change reaches.", &[
        json::<Object>(200, "A list of units for each key."),
    ])
    .query(&[ALL_KEYS]),
    route(Call::SettingGenerators, Get, "/metadata/setting-generators", Reader, "What the host finds out itself.", &[
        json::<Object>(200, "Key and generator."),
    ])
    .query(&[KEYS]),
    route(
        Call::SettingGeneratorsV2,
        Get,
        "/v2/metadata/setting-generators",
        Reader,
        "What the host finds out itself, with metadata.",
        &[json::<Object>(200, "Key, and `command`, `strength`, `depth`.")],
    )
    .query(&[KEYS]),
    route(Call::Templates, Get, "/metadata/templates", Reader, "Templates of keys. There are none.", &[
        json::<Object>(200, "An empty object: no setting is made from a text template."),
    ])
    .query(&[ALL_KEYS]),
    route(Call::GetServices, Get, "/services", Reader, "Services that settings reach.", &[json::<Object>(
        200,
        "`configuration-files` and `restart-commands` (always empty: units are renewed, nothing is run) by name.",
    )])
    .query(&[NAMES, PREFIX]),
    route(Call::GetConfigurationFiles, Get, "/configuration-files", Reader, "Files that settings become.", &[
        json::<Object>(200, "`path` and `mode` by name."),
    ])
    .query(&[NAMES, PREFIX]),
    route(Call::Lockdown, Post, "/actions/lockdown", Admin, "Freezes settings until restart.", &[MISSING]),
    route(Call::Reboot, Post, "/actions/reboot", Operator, "Restarts the machine, in order.", &[nothing("Begun.")]),
    route(Call::RefreshUpdates, Post, "/actions/refresh-updates", Operator, "Looks for updates.", &[MISSING]),
    route(Call::PrepareUpdate, Post, "/actions/prepare-update", Operator, "Stages the update.", &[MISSING]),
    route(Call::ActivateUpdate, Post, "/actions/activate-update", Operator, "Arms the staged update.", &[MISSING]),
    route(Call::DeactivateUpdate, Post, "/actions/deactivate-update", Operator, "Disarms it.", &[MISSING]),
    route(Call::UpdatesStatus, Get, "/updates/status", Reader, "How far an update is.", &[text(
        404,
        "Nothing has looked for updates yet.",
    )]),
    route(Call::ConfigureNetwork, Post, "/actions/network/configure", Admin, "Replaces the network's configuration.", &[
        MISSING,
    ])
    .text_body("`net.toml`."),
    route(Call::EphemeralInit, Post, "/actions/ephemeral-storage/init", Admin, "Formats local disks.", &[MISSING])
        .json_body::<Object>("Disks and file system."),
    route(Call::EphemeralBind, Post, "/actions/ephemeral-storage/bind", Admin, "Mounts them.", &[MISSING])
        .json_body::<Object>("Folders."),
    route(Call::EphemeralDisks, Get, "/actions/ephemeral-storage/list-disks", Reader, "Local disks.", &[MISSING])
        .query(&[FORMAT]),
    route(Call::EphemeralVolumes, Get, "/actions/ephemeral-storage/list-ebs-volumes", Reader, "EBS volumes.", &[
        MISSING,
    ])
    .query(&[FORMAT]),
    route(Call::EphemeralDirs, Get, "/actions/ephemeral-storage/list-dirs", Reader, "Folders to bind.", &[MISSING])
        .query(&[FORMAT]),
    route(Call::Exec, Get, "/exec", Admin, "Runs a program in a host container.", &[MISSING]),
    route(Call::ListReports, Get, "/report", Reader, "Reports that this host can make.", &[
        json::<alloc::vec::Vec<ReportKind>>(200, "Name and description."),
    ]),
    route(Call::CisReport, Get, "/report/cis", Reader, "CIS benchmark.", &[text(422, "Not made by this release.")]).query(
        &[
            optional("level", "1 or 2."),
            FORMAT,
            optional("type", "`kubernetes` for its benchmark."),
        ],
    ),
    route(Call::FipsReport, Get, "/report/fips", Reader, "FIPS.", &[text(422, "Not made by this release.")])
        .query(&[FORMAT]),
];
