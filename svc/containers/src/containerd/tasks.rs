//! containerd's tasks: the processes of containers.

use std::path::PathBuf;

use containerd_client::events::TaskOom;
use containerd_client::services::v1::events_client::EventsClient;
use containerd_client::services::v1::tasks_client::TasksClient;
use containerd_client::services::v1::{
    CreateTaskRequest, DeleteTaskRequest, KillRequest, ListTasksRequest, StartRequest, SubscribeRequest,
    WaitRequest,
};
use containerd_client::tonic::Status;
use containerd_client::types::Mount;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Containerd, Error, absent_is_fine, failed};

/// `containerd.v1.types.Status`.
const CREATED: i32 = 1;
const STOPPED: i32 = 3;

/// Named pipes for a task's output.
#[derive(Debug, Clone)]
pub struct Io {
    /// Its standard output.
    pub stdout: PathBuf,
    /// Its standard error.
    pub stderr: PathBuf,
}

/// A task as containerd lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The container it belongs to.
    pub container: String,
    /// How far it is.
    pub state: TaskState,
}

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    /// Made, and not let run.
    Created,
    /// Its process lives.
    Alive,
    /// Its process exited with this status.
    Exited(u32),
}

impl Containerd {
    /// Every task of the namespace.
    pub async fn tasks(&self) -> Result<Vec<Task>, Error> {
        let request = self.request(ListTasksRequest::default());
        let answer = TasksClient::new(self.channel.clone()).list(request).await;
        let list = answer.map_err(failed("list", "tasks"))?.into_inner().tasks;
        // A listed process has the container's name as `id`; `container_id` is filled in by some versions
        // only.
        let state = |status, code| match status {
            CREATED => TaskState::Created,
            STOPPED => TaskState::Exited(code),
            _ => TaskState::Alive,
        };
        Ok(list
            .into_iter()
            .map(|task| Task { state: state(task.status, task.exit_status), container: task.id })
            .collect())
    }

    /// Makes the task of a recorded container: its shim, its namespaces, its first process stopped before
    /// `exec`.
    pub async fn create_task(&self, name: &str, rootfs: Vec<Mount>, io: &Io) -> Result<(), Error> {
        let request = self.request(CreateTaskRequest {
            container_id: name.to_owned(),
            rootfs,
            stdout: io.stdout.display().to_string(),
            stderr: io.stderr.display().to_string(),
            ..CreateTaskRequest::default()
        });
        let answer = TasksClient::new(self.channel.clone()).create(request).await;
        answer.map(drop).map_err(failed("create the task of", name))
    }

    /// Lets the task's first process run.
    pub async fn start_task(&self, name: &str) -> Result<(), Error> {
        let request = self.request(StartRequest { container_id: name.to_owned(), exec_id: String::new() });
        let answer = TasksClient::new(self.channel.clone()).start(request).await;
        answer.map(drop).map_err(failed("start the task of", name))
    }

    /// Waits until the task's first process has exited. Returns its exit status.
    pub async fn wait_task(&self, name: &str) -> Result<u32, Error> {
        let request = self.request(WaitRequest { container_id: name.to_owned(), exec_id: String::new() });
        let answer = TasksClient::new(self.channel.clone()).wait(request).await;
        Ok(answer.map_err(failed("wait for", name))?.into_inner().exit_status)
    }

    /// Sends a signal to the task's first process, or to all of its processes.
    pub async fn signal_task(&self, name: &str, signal: u32, all: bool) -> Result<(), Error> {
        let request =
            self.request(KillRequest { container_id: name.to_owned(), exec_id: String::new(), signal, all });
        let answer = TasksClient::new(self.channel.clone()).kill(request).await;
        absent_is_fine(answer.map_err(failed("signal", name)))
    }

    /// Removes an exited task and its shim. The shim has passed on all output when this returns.
    pub async fn remove_task(&self, name: &str) -> Result<(), Error> {
        let request = self.request(DeleteTaskRequest { container_id: name.to_owned() });
        let answer = TasksClient::new(self.channel.clone()).delete(request).await;
        absent_is_fine(answer.map_err(failed("remove the task of", name)))
    }

    /// Follows what happens to tasks of our namespace: gives the name of each container in which the kernel
    /// killed a process for want of memory. The report ends when containerd does. Exits are not in it:
    /// [`Containerd::wait_task`] tells each to whom it concerns.
    pub fn watch(&self) -> UnboundedReceiver<String> {
        let (to, report) = unbounded_channel();
        let containerd = self.clone();
        // In a task of its own: containerd answers the request itself only with the first event.
        tokio::spawn(async move {
            // However it ends, it ends because containerd went away.
            let _ = containerd.forward_events(&to).await;
        });
        report
    }

    async fn forward_events(&self, to: &UnboundedSender<String>) -> Result<(), Status> {
        let namespace = self.namespace.to_str().unwrap_or_default();
        let filters = vec![format!("topic==\"/tasks/oom\",namespace==\"{namespace}\"")];
        let request = self.request(SubscribeRequest { filters });
        let mut stream = EventsClient::new(self.channel.clone()).subscribe(request).await?.into_inner();
        while let Some(envelope) = stream.message().await? {
            let event = envelope.event.unwrap_or_default();
            if let Ok(oom) = <TaskOom as prost::Message>::decode(event.value.as_slice())
                && to.send(oom.container_id).is_err()
            {
                break;
            }
        }
        Ok(())
    }
}
