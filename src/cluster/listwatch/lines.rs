//! Reads the body of a watch line by line.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use kube::client::Body;

use crate::cluster::transport::error::Cause;
use crate::cluster::transport::response::MAX_OBJECT_BYTES;

/// The most bytes of one watch: more than a large cluster changes in its time.
const MAX_WATCH_BYTES: usize = 512 * 1024 * 1024;

pub struct LineReader {
    body: Body,
    /// The bytes that were read.
    read: usize,
    buffer: BytesMut,
    /// How many bytes of the buffer were searched for a line break.
    searched: usize,
}

impl LineReader {
    pub fn new(body: Body) -> Self {
        Self {
            body,
            read: 0,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// Returns the next complete line, or None at the end of the body. Drops an incomplete last
    /// line. A line that is larger than any object is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Cause> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(end) = unsearched.iter().position(|&byte| byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                return Ok(Some(line.freeze()));
            }
            self.searched = self.buffer.len();
            if self.searched > MAX_OBJECT_BYTES {
                return Err(Cause::too_large("a line", MAX_OBJECT_BYTES));
            }
            if self.read > MAX_WATCH_BYTES {
                return Err(Cause::too_large("a watch", MAX_WATCH_BYTES));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    let data = frame.data_ref().map_or(&[][..], |data| data);
                    self.read = self.read.saturating_add(data.len());
                    self.buffer.extend_from_slice(data);
                }
                Some(Err(cause)) => return Err(Cause::unreachable(cause)),
                None => return Ok(None),
            }
        }
    }
}
