//! Making a container and letting it run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use settings::containers::{Container, Network as NetworkMode, Source};

use super::look::{BOOT, SETTINGS, digest};
use super::{Error, Works, lock, make_dir};
use crate::containerd::{Containerd, Record};
use crate::network::Attachment;
use crate::{names, rootfs, spec};

impl Works {
    /// Makes and starts a container whose image was pulled. When it fails, what was made so far is for
    /// clean-up.
    pub async fn start(
        &self,
        containerd: &Containerd,
        name: &str,
        container: &Container,
    ) -> Result<(), Error> {
        let image = lock(&self.images).get(name).cloned().ok_or(Error::NotPulled)?;
        let io = self.pump(name)?;
        let attachment = self.attach(name, container).await?;
        let rootfs = containerd.prepare_top(name, &image.snapshot).await?;
        let user = resolve_user(container, &image.config.user, &rootfs)?;
        self.make_sources(container, &user)?;
        let run = self.host.run_of(name);
        let files = names::write(&run, &self.host.etc, name, attachment.as_ref().map(|it| it.address))
            .map_err(|err| Error::Make { path: run, err })?;
        let place = spec::Place {
            name,
            cgroup: &self.host.cgroup,
            image: &image.config,
            user,
            netns: attachment.as_ref().map(|it| it.netns.as_path()),
            files: &files,
            volumes: &self.host.volumes,
            open_files: self.host.open_files,
        };
        let spec = serde_json::to_vec(&spec::build(container, &place)?)?;
        let labels =
            BTreeMap::from([(BOOT.to_owned(), self.boot.clone()), (SETTINGS.to_owned(), digest(container))]);
        let record = Record {
            name,
            image: &container.image.to_string(),
            spec,
            runtime: &self.host.runtime,
            runtime_root: &self.host.runtime_root.display().to_string(),
            labels,
        };
        containerd.create_record(record).await?;
        containerd.create_task(name, rootfs, &io).await?;
        Ok(containerd.start_task(name).await?)
    }

    /// Gives the container its network, off the thread that serves everything else.
    async fn attach(&self, name: &str, container: &Container) -> Result<Option<Attachment>, Error> {
        if container.network == NetworkMode::Host {
            return Ok(None);
        }
        let name = name.to_owned();
        let mut network = self.network.clone().lock_owned().await;
        let attached = tokio::task::spawn_blocking(move || match network.as_mut() {
            Some(network) => Ok(network.attach(&name)?),
            None => Err(Error::NoNetwork),
        });
        // The closure does not panic, and the runtime waits for it.
        attached.await.unwrap_or(Err(Error::NoNetwork)).map(Some)
    }

    /// Makes named volumes that are not there, owned by the container's user; paths of the host must be
    /// there.
    fn make_sources(&self, container: &Container, user: &spec::User) -> Result<(), Error> {
        for mount in &container.mounts {
            let path = spec::source(&mount.source, &self.host.volumes);
            match &mount.source {
                Source::Path(_) if !path.exists() => return Err(Error::NoSource { path }),
                Source::Volume(_) if !path.exists() => make_volume(path, &self.host.volumes, user)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Made aside and renamed, so that a volume is never there with the wrong owner.
fn make_volume(path: PathBuf, volumes: &std::path::Path, user: &spec::User) -> Result<(), Error> {
    make_dir(volumes)?;
    let fresh = volumes.join(format!(".new-{}", path.file_name().unwrap_or_default().display()));
    make_dir(&fresh)?;
    let made = chown(&fresh, Some(user.uid), Some(user.gid))
        .and_then(|()| fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)))
        .and_then(|()| fs::rename(&fresh, &path));
    made.map_err(|err| Error::Make { path, err })
}

fn resolve_user(
    container: &Container,
    image: &str,
    mounts: &[containerd_client::types::Mount],
) -> Result<spec::User, Error> {
    let setting = container.user.as_ref();
    let (passwd, group) = if spec::user::needs_files(setting, image) {
        (rootfs::read(mounts, "/etc/passwd"), rootfs::read(mounts, "/etc/group"))
    } else {
        Default::default()
    };
    Ok(spec::user::resolve(setting, image, &passwd, &group)?)
}
