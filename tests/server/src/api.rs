use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{Client, Response};

/// The superuser that every site has.
pub const EMAIL: &str = "test@example.com";
/// Its password.
pub const PASSWORD: &str = "1234567890";

/// The API as the superuser of a site.
pub struct Api {
    /// The connection, with the superuser's token.
    pub client: Client,
}

impl Api {
    /// Signs the superuser in.
    #[track_caller]
    pub fn sign_in(address: SocketAddr) -> Self {
        let mut client = Client::new(address);
        let answer = client.post(
            "/api/collections/_superusers/auth-with-password",
            &json!({"identity": EMAIL, "password": PASSWORD}),
        );
        client.token = answer.expect(200)["token"]
            .as_str()
            .expect("a token")
            .to_owned();
        Self { client }
    }

    /// Makes a base collection that everybody may read and write.
    #[track_caller]
    pub fn open_collection(&mut self, name: &str, fields: Value) {
        let body = json!({
            "name": name, "type": "base", "fields": fields,
            "listRule": "", "viewRule": "", "createRule": "", "updateRule": "", "deleteRule": "",
        });
        self.client.post("/api/collections", &body).expect(200);
    }

    /// Makes the collection `notes` with a text field `title` and a number field `count`.
    #[track_caller]
    pub fn notes(&mut self) {
        self.open_collection(
            "notes",
            json!([{"name": "title", "type": "text"}, {"name": "count", "type": "number"}]),
        );
    }

    /// Creates a record that must be accepted; answers it.
    #[track_caller]
    pub fn create(&mut self, collection: &str, record: Value) -> Value {
        self.try_create(collection, &record).expect(200)
    }

    /// Creates a record; answers what the server says.
    pub fn try_create(&mut self, collection: &str, record: &Value) -> Response {
        self.client
            .post(&format!("/api/collections/{collection}/records"), record)
    }

    /// The ids of all records.
    #[track_caller]
    pub fn ids(&mut self, collection: &str) -> Vec<String> {
        let mut ids = Vec::new();
        for page in 1.. {
            let path = format!(
                "/api/collections/{collection}/records?fields=id&sort=id&perPage=500&page={page}"
            );
            let answer = self.client.get(&path).expect(200);
            let items = answer["items"].as_array().expect("items");
            ids.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_str().expect("an id").to_owned()),
            );
            if items.len() < 500 {
                break;
            }
        }
        ids
    }
}
