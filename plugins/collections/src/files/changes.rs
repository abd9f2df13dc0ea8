//! What happens to files when records change: new ones are stored before the record is, and removed again if it cannot
//! be; old ones go when the change has been committed.

use hangar_failure::{Failure, Outcome};
use hangar_model::value::to_list;
use hangar_model::{Collection, FieldType};
use hangar_sdk::{Error, Result, log, storage};

use crate::files::place::place;
use crate::records::draft::Draft;

/// Stores the new files of a draft that is about to be saved.
///
/// # Errors
/// What the store says. What has been stored by then is noted in the draft.
pub fn store(draft: &mut Draft) -> Outcome<()> {
    let names: Vec<String> = names(&draft.entry, |name| draft.shown.values.get(name));
    let uploads = draft.uploads.clone();
    for upload in uploads
        .iter()
        .filter(|upload| names.contains(&upload.stored))
    {
        let key = format!("{}/{}", folder(draft), upload.stored);
        draft.stored_files.push(key.clone());
        storage::put(&place()?, &key, upload.handle).map_err(|error| told(&key, error))?;
    }
    Ok(())
}

fn told(key: &str, error: Error) -> Failure {
    log::error(&format!(
        "the file {key} could not be stored: {}",
        error.message
    ));
    Failure::Host(error)
}

/// Names in all file fields.
fn names<'a>(
    collection: &Collection,
    value: impl Fn(&str) -> Option<&'a serde_json::Value>,
) -> Vec<String> {
    collection
        .fields
        .iter()
        .filter(|field| field.kind() == FieldType::File)
        .filter_map(|field| value(&field.name))
        .flat_map(to_list)
        .collect()
}

fn has_files(collection: &Collection) -> bool {
    collection
        .fields
        .iter()
        .any(|field| field.kind() == FieldType::File)
}

/// `collection/record`
fn folder(draft: &Draft) -> String {
    format!("{}/{}", draft.entry.id, draft.shown.id())
}

/// Whether there is anything for [`settle`] to do after a change.
pub fn left_over(draft: &Draft, deleted: bool, well: bool) -> bool {
    has_files(&draft.entry)
        && match (well, deleted) {
            (true, true) => true,
            // Until the outermost commit nobody knows whether the new ones stay.
            (true, false) => !draft.stored_files.is_empty() || !dropped(draft).is_empty(),
            (false, _) => !draft.stored_files.is_empty(),
        }
}

/// Removes what a change has left over: after a failure the new files, else those no longer named, or all of a deleted
/// record. To be called after the commit; that a file stays is no error of the request.
pub fn settle(draft: &mut Draft, deleted: bool, well: bool) {
    if !left_over(draft, deleted, well) {
        return;
    }
    let new = std::mem::take(&mut draft.stored_files);
    let result = match (well, deleted) {
        (false, _) => remove(&new),
        (true, true) => remove_folder(&format!("{}/", folder(draft))),
        (true, false) => remove(&dropped(draft)),
    };
    if let Err(error) = result {
        let message = &error.message;
        log::warn(&format!(
            "files of {} are left over: {message}",
            folder(draft)
        ));
    }
}

/// Keys of the files that the stored record named and the saved one does not.
fn dropped(draft: &Draft) -> Vec<String> {
    let now = names(&draft.entry, |name| draft.shown.values.get(name));
    let before = names(&draft.entry, |name| draft.before(name));
    before
        .iter()
        .filter(|name| !now.contains(name))
        .map(|name| format!("{}/{name}", folder(draft)))
        .collect()
}

/// Removes files with what was made out of them.
fn remove(keys: &[String]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let place = place()?;
    for key in keys {
        storage::delete(&place, key)?;
        if let Some((folder, name)) = key.rsplit_once('/') {
            storage::delete_folder(&place, &format!("{folder}/thumbs_{name}/"))?;
        }
    }
    Ok(())
}

fn remove_folder(folder: &str) -> Result<()> {
    storage::delete_folder(&place()?, folder)
}

/// Removes all files of a collection that has been emptied or deleted.
pub fn forget_collection(collection: &Collection) {
    if !has_files(collection) {
        return;
    }
    if let Err(error) = remove_folder(&format!("{}/", collection.id)) {
        let (name, message) = (&collection.name, &error.message);
        log::warn(&format!(
            "files of the collection {name} are left over: {message}"
        ));
    }
}
