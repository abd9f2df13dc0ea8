//! The last step: texts go into the queues of their clients, past a plugin that wants to see them if there is one.

use std::sync::Arc;

use bytes::Bytes;

use crate::broker::{Outgoing, Realtime};
use crate::changes::Group;
use crate::client::{Client, message};
use crate::screen::{Fate, Parcel, Screen, portions, show};

impl Realtime {
    /// What was told to groups goes to their members.
    pub(crate) async fn tell(&self, groups: &[&Group], data: &str, screen: &dyn Screen) {
        if !self.allowed(data) {
            return;
        }
        let mut parcels = Vec::new();
        let screened = screen.wanted();
        for group in groups {
            let text = message(&group.topic, data);
            for member in &group.members {
                if !member.still_wants(&group.topic) {
                    continue;
                }
                if screened {
                    let (client, event) = (member.client.clone(), &*group.topic);
                    let text = text.clone();
                    parcels.push(Parcel {
                        client,
                        event,
                        data,
                        text,
                    });
                } else {
                    self.hand(&member.client, text.clone());
                }
            }
        }
        self.screen(&parcels, screen).await;
    }

    /// Prepared messages go to their clients.
    pub(crate) async fn tell_clients(&self, outgoing: &Outgoing, screen: &dyn Screen) {
        let Outgoing { event, data, .. } = outgoing;
        let text = message(event, data);
        let mut parcels = Vec::new();
        let screened = screen.wanted();
        for id in &outgoing.clients {
            let client = self.read().get(id).cloned();
            let text = text.clone();
            match client {
                Some(client) if screened => parcels.push(Parcel {
                    client,
                    event,
                    data,
                    text,
                }),
                Some(client) => self.hand(&client, text),
                None => {}
            }
        }
        self.screen(&parcels, screen).await;
    }

    /// Shows messages and does with them what is answered. Nothing else is delivered meanwhile: every client is told in
    /// order, and what waits is bounded as ever.
    async fn screen(&self, parcels: &[Parcel<'_>], screen: &dyn Screen) {
        for portion in portions(parcels) {
            match show(portion, screen).await {
                Ok(fates) => {
                    for (at, parcel) in portion.iter().enumerate() {
                        self.settle(parcel, fates.iter().find(|fate| fate.at == at));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "messages could not be shown to who wants to see them; their clients are disconnected");
                    for parcel in portion {
                        self.disconnect(&parcel.client);
                    }
                }
            }
        }
    }

    fn settle(&self, parcel: &Parcel<'_>, fate: Option<&Fate>) {
        let client = &parcel.client;
        match fate {
            None => self.hand(client, parcel.text.clone()),
            Some(fate) if fate.close => self.disconnect(client),
            Some(fate) if fate.drop => {}
            Some(fate) => {
                let event = fate.event.as_deref().unwrap_or(parcel.event);
                let data = fate.data.as_deref().unwrap_or(parcel.data);
                if self.allowed(data) {
                    self.hand(client, message(event, data));
                }
            }
        }
    }

    fn allowed(&self, data: &str) -> bool {
        let fits = self.fits(data);
        if !fits {
            let error = self.too_large("matcher");
            tracing::warn!(%error, "a message was not sent");
        }
        fits
    }

    fn hand(&self, client: &Arc<Client>, text: Bytes) {
        if !client.queue.push(text) {
            tracing::info!(
                "a client does not read its event stream fast enough (limits.realtime-queue-bytes) and is disconnected"
            );
            self.disconnect(client);
        }
    }
}
