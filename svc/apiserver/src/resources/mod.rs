//! One file per resource, one function per call.

mod applying;
mod explain;
mod generations;
mod history;
mod logs;
mod machine;
mod metadata;
mod missing;
mod model;
mod parameters;
mod sections;
mod services;
mod settings;
mod status;
mod transactions;
mod watch;
mod writing;

use std::sync::Arc;

use tokio::task::spawn_blocking;
use wire::Call;

use crate::answer::{Answer, Refusal};
use crate::remote::resource as certificates;
use crate::serve::Ask;
use crate::state::Api;

/// Does what is asked.
pub async fn answer(api: &Arc<Api>, ask: Ask) -> Answer {
    match ask.route.call {
        Call::GetModel => aside(api, ask, model::everything).await,
        // The whole is made once for all readers; a part takes longer the more settings and keys there are.
        Call::GetSettings if !ask.query.is_empty() => aside(api, ask, settings::get).await,
        Call::GetSettings => settings::get(api, &ask),
        Call::PatchSettings => transactions::patch(api, ask).await,
        Call::PatchKeypairs => transactions::keypairs(api, ask).await,
        Call::ListTransactions => transactions::list(api),
        Call::GetTransaction => aside(api, ask, transactions::get).await,
        Call::GetTransactionV2 => aside(api, ask, transactions::get_v2).await,
        Call::DeleteTransaction => transactions::delete(api, &ask),
        Call::CommitTransaction => transactions::commit(api, ask, false).await,
        Call::CommitAndApply => transactions::commit(api, ask, true).await,
        Call::ApplyKeys => applying::keys(api, ask).await,
        Call::GetOs => model::os(api, &ask),
        Call::GetServices => aside(api, ask, model::services).await,
        Call::GetConfigurationFiles => aside(api, ask, model::configuration_files).await,
        Call::AffectedServices => metadata::affected(api, &ask),
        Call::SettingGenerators => metadata::generators(api, &ask),
        Call::SettingGeneratorsV2 => metadata::generators_v2(api, &ask),
        Call::Templates => metadata::templates(&ask),
        Call::Reboot => machine::reboot(api, &ask).await,
        Call::Lockdown => missing::lockdown(),
        Call::RefreshUpdates | Call::PrepareUpdate | Call::ActivateUpdate | Call::DeactivateUpdate => {
            missing::updates()
        }
        Call::UpdatesStatus => missing::updates_status(),
        Call::ConfigureNetwork => missing::network(),
        Call::EphemeralInit
        | Call::EphemeralBind
        | Call::EphemeralDisks
        | Call::EphemeralVolumes
        | Call::EphemeralDirs => missing::ephemeral_storage(),
        Call::Exec => missing::exec(),
        Call::ListReports => missing::reports(),
        Call::CisReport | Call::FipsReport => missing::report(),
        Call::ShowSettings if !ask.query.is_empty() => aside(api, ask, settings::show).await,
        Call::ShowSettings => settings::show(api, &ask),
        Call::ChangeSettings => writing::change(api, ask).await,
        Call::DeleteSettings => writing::delete(api, ask).await,
        Call::Explain => aside(api, ask, explain::explain).await,
        Call::Problems => aside(api, ask, |api, _| explain::problems(api)).await,
        Call::Schema => aside(api, ask, |_, _| explain::schema()).await,
        Call::Generations => generations::list(api).await,
        Call::Generation => generations::show(api, ask).await,
        Call::DiffGenerations => generations::diff(api, ask).await,
        Call::RollBack => history::roll_back(api, ask).await,
        Call::Confirm => history::confirm(api, ask).await,
        Call::ApplyResult => applying::state(api),
        Call::ApplyAgain => applying::again(api, ask).await,
        Call::Watch => watch::watch(api, ask).await,
        Call::Boot => services::boot(api).await,
        Call::Services => services::list(api).await,
        Call::Service => services::show(api, ask).await,
        Call::RestartService => services::restart(api, ask).await,
        Call::Logs => logs::logs(api, ask).await,
        Call::Status => status::status(api).await,
        Call::OpenApi => aside(api, ask, |_, _| explain::openapi()).await,
        Call::Audit => status::audit(api, ask).await,
        Call::Certificates => certificates::list(api).await,
        Call::IssueCertificate => certificates::issue(api, ask).await,
        Call::RevokeCertificate => certificates::revoke(api, ask).await,
    }
}

/// Work that takes longer the more settings there are, on a thread of its own: other callers do not wait for it.
async fn aside(api: &Arc<Api>, ask: Ask, work: fn(&Arc<Api>, &Ask) -> Answer) -> Answer {
    let api = api.clone();
    let done = spawn_blocking(move || work(&api, &ask)).await;
    done.unwrap_or_else(|err| Err(Refusal::host("the call ended early", &err)))
}
