//! Files of records: uploads on their way in, where they lie, and the route that serves them.

mod changes;
mod limits;
mod place;
mod serve;
mod uploads;

pub use changes::{forget_collection, left_over, settle, store};
pub use serve::handle;
pub use uploads::{Upload, attach, of_request, some_of_request};
