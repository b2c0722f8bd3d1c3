//! containerd's content store: blobs by digest, verified by containerd at commit.

use std::collections::HashMap;

use bytes::Bytes;
use containerd_client::services::v1::content_client::ContentClient;
use containerd_client::services::v1::{
    Info, InfoRequest, ReadContentRequest, UpdateRequest, WriteAction, WriteContentRequest,
    WriteContentResponse,
};
use containerd_client::tonic::{Status, Streaming};
use prost_types::FieldMask;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Containerd, Error, failed};

/// Labels of a blob, a snapshot, an image.
pub type Labels = HashMap<String, String>;

impl Containerd {
    /// Whether the store holds the blob.
    pub async fn has_blob(&self, digest: &str) -> Result<bool, Error> {
        let request = self.request(InfoRequest { digest: digest.to_owned() });
        let answer = ContentClient::new(self.channel.clone()).info(request).await;
        match answer.map_err(failed("look for blob", digest)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_absent() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a blob of at most `limit` bytes; a longer one is an error.
    pub async fn read_blob(&self, digest: &str, limit: usize) -> Result<Vec<u8>, Error> {
        let what = "read blob";
        let request = self.request(ReadContentRequest { digest: digest.to_owned(), offset: 0, size: 0 });
        let answer =
            ContentClient::new(self.channel.clone()).read(request).await.map_err(failed(what, digest))?;
        let mut stream = answer.into_inner();
        let mut blob = Vec::new();
        while let Some(part) = stream.message().await.map_err(failed(what, digest))? {
            if blob.len() + part.data.len() > limit {
                let status = Status::out_of_range(format!("longer than {limit} bytes"));
                return Err(failed(what, digest)(status));
            }
            blob.extend_from_slice(&part.data);
        }
        Ok(blob)
    }

    /// Adds labels to a blob that is there.
    pub async fn label_blob(&self, digest: &str, labels: Labels) -> Result<(), Error> {
        let paths = labels.keys().map(|key| format!("labels.{key}")).collect();
        let info = Info { digest: digest.to_owned(), labels, ..Info::default() };
        let request =
            self.request(UpdateRequest { info: Some(info), update_mask: Some(FieldMask { paths }) });
        let answer = ContentClient::new(self.channel.clone()).update(request).await;
        answer.map(drop).map_err(failed("label blob", digest))
    }

    /// Puts a whole small blob into the store with its labels; one that is there gets the labels.
    pub async fn put_blob(&self, digest: &str, blob: &[u8], labels: Labels) -> Result<(), Error> {
        match Ingest::open(self, digest, blob.len() as u64).await? {
            None => self.label_blob(digest, labels).await,
            Some(mut ingest) => {
                ingest.restart();
                ingest.write(Bytes::copy_from_slice(blob)).await?;
                ingest.commit(labels).await
            }
        }
    }
}

/// A blob on its way into the store. Dropped before commit, what came so far stays for a while, and the next
/// [`Ingest::open`] of the same digest goes on behind it.
pub struct Ingest {
    digest: String,
    total: u64,
    offset: u64,
    to: mpsc::Sender<WriteContentRequest>,
    from: Streaming<WriteContentResponse>,
}

impl Ingest {
    /// Begins, or goes on with, the blob `digest` of `total` bytes. `None`: the store has it.
    pub async fn open(containerd: &Containerd, digest: &str, total: u64) -> Result<Option<Ingest>, Error> {
        if containerd.has_blob(digest).await? {
            return Ok(None);
        }
        let (to, requests) = mpsc::channel(1);
        // The name is per digest, so that a second try finds what the first one brought.
        let stat = WriteContentRequest {
            action: WriteAction::Stat.into(),
            r#ref: format!("gantry-{digest}"),
            total: total as i64,
            expected: digest.to_owned(),
            ..WriteContentRequest::default()
        };
        // Fails only when the receiver is gone; the call below then says why.
        let _ = to.try_send(stat);
        let request = containerd.request(ReceiverStream::new(requests));
        let answer = ContentClient::new(containerd.channel.clone()).write(request).await;
        let from = match answer.map_err(failed("take blob", digest)) {
            Ok(answer) => answer.into_inner(),
            Err(error) if error.is_present() => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut ingest = Ingest { digest: digest.to_owned(), total, offset: 0, to, from };
        match ingest.answer().await {
            Ok(answer) => ingest.offset = answer.offset.try_into().unwrap_or(0),
            Err(error) if error.is_present() => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(Some(ingest))
    }

    /// Bytes that are in the store already.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Forgets what is in the store; the next write is the blob's first byte.
    pub fn restart(&mut self) {
        self.offset = 0;
    }

    /// Adds bytes. containerd answers each write, and the answers are read here: left unread they would fill
    /// the connection's window and stop containerd.
    pub async fn write(&mut self, data: Bytes) -> Result<(), Error> {
        let len = data.len() as u64;
        let message = WriteContentRequest {
            action: WriteAction::Write.into(),
            offset: self.offset as i64,
            total: self.total as i64,
            expected: self.digest.clone(),
            data: data.into(),
            ..WriteContentRequest::default()
        };
        self.ask(message).await?;
        self.offset += len;
        Ok(())
    }

    /// Ends the blob. containerd compares size and digest; when this returns `Ok` the blob is in the store,
    /// whole.
    pub async fn commit(mut self, labels: Labels) -> Result<(), Error> {
        let message = WriteContentRequest {
            action: WriteAction::Commit.into(),
            offset: self.offset as i64,
            total: self.total as i64,
            expected: self.digest.clone(),
            labels,
            ..WriteContentRequest::default()
        };
        match self.ask(message).await {
            Err(error) if !error.is_present() => Err(error),
            _ => Ok(()),
        }
    }

    async fn ask(&mut self, message: WriteContentRequest) -> Result<(), Error> {
        // A closed stream means that containerd ended the call; its answer has the reason.
        let _ = self.to.send(message).await;
        self.answer().await.map(drop)
    }

    async fn answer(&mut self) -> Result<WriteContentResponse, Error> {
        let what = "take blob";
        match self.from.message().await.map_err(failed(what, self.digest.as_str()))? {
            Some(answer) => Ok(answer),
            None => Err(failed(what, self.digest.as_str())(Status::cancelled("the write ended early"))),
        }
    }
}
