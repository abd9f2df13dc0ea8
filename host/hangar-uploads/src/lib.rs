//! Forms with files: the parts of a `multipart/form-data` body as they arrive, files into temporary files on disk, so
//! that neither the host nor a plugin ever holds their bytes. An upload lives as long as its request.

mod disposition;
mod form;
mod receive;
mod sniff;

use std::borrow::Cow;

use std::path::Path;
use std::sync::Arc;

use hangar_core::{Error, Result};
use serde::Serialize;

pub use disposition::parameter;
pub use receive::{Bounds, Spool};
pub use sniff::{Kind, SNIFFED, sniff};

/// Files of a request.
const MAX_FILES: usize = 1000;

/// One file of a form.
#[derive(Debug, Serialize)]
pub struct Upload {
    /// Name of the form field.
    pub field: String,
    /// Name of the file as the client gave it, without folders.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Content type, judged by the first bytes, never by what the client said.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// Usual file name ending of that type with its dot, empty if there is none.
    pub extension: &'static str,
    #[serde(skip)]
    md5: [u8; 16],
    #[serde(skip)]
    file: receive::Spooled,
}

impl Upload {
    /// Where the bytes lie until the end of the request.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// MD5 of the bytes.
    pub fn md5(&self) -> &[u8; 16] {
        &self.md5
    }
}

/// The values of a form.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Name and text of each plain field, in order.
    pub fields: Vec<(String, String)>,
    /// The files, in order. An upload's number in this list is its handle.
    pub files: Vec<Arc<Upload>>,
}

/// What came of a form body. One that is broken is no error of the request: its plugin decides what to answer.
#[derive(Clone, Debug)]
pub struct Uploads(Result<Form, &'static str>);

impl Default for Uploads {
    fn default() -> Self {
        Self(Ok(Form::default()))
    }
}

impl Uploads {
    /// The same with one more file, and that file's handle.
    pub fn with(&self, upload: Upload) -> Result<(Self, u32)> {
        let mut form = self.form()?.clone();
        if form.files.len() >= MAX_FILES {
            let message = format!("a request has at most {MAX_FILES} files");
            return Err(Error::bad_input(message));
        }
        form.files.push(Arc::new(upload));
        // Far below 2^32.
        let handle = form.files.len() as u32 - 1;
        Ok((Self(Ok(form)), handle))
    }

    /// The form.
    pub fn form(&self) -> Result<&Form> {
        self.0.as_ref().map_err(|reason| {
            Error::new(
                "bad_form",
                400,
                format!("the form cannot be read: {reason}"),
            )
        })
    }

    /// The upload with a handle.
    pub fn get(&self, handle: u32) -> Result<&Upload> {
        self.form()?
            .files
            .get(handle as usize)
            .map(Arc::as_ref)
            .ok_or_else(|| {
                Error::new(
                    "not_found",
                    404,
                    format!("this request has no upload number {handle}"),
                )
            })
    }
}
