use std::pin::Pin;
use std::time::Duration;

use hangar_core::{Error, Limits};
use hangar_wit::errors;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::{Access, FutureReader, HasData, Linker};

use crate::exchange::Caller;
use crate::{Fetch, Grant};

#[allow(missing_docs)]
mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package hangar:fetch-host;
            world imports {
                import hangar:fetch/client@0.1.0;
                import hangar:fetch/concurrent@0.1.0;
            }
        ",
        path: ["../../wit/types", "../../wit/fetch"],
        imports: {
            "hangar:fetch/client@0.1.0.send": async,
            "hangar:fetch/concurrent@0.1.0.start": store | trappable,
            "hangar:fetch/concurrent@0.1.0.sleep": store | trappable,
        },
        with: { "hangar:types/errors@0.1.0": hangar_wit::errors },
    });
}

pub(crate) use generated::hangar::fetch::types::{Request, Response};
use generated::hangar::fetch::{client, concurrent, types};

/// What a call needs.
pub struct View<'a> {
    /// Name of the calling plugin.
    pub plugin: &'a str,
    /// Missing if hangar.toml does not grant `fetch`.
    pub grant: Option<&'a Grant>,
    /// The plugin's limits (`fetch_bytes`, `fetch_ms`, `fetch_concurrency`, `wall_ms` for timers).
    pub limits: &'a Limits,
    /// The host's state.
    pub fetch: &'a Fetch,
}

/// Selects the [`View`] of a store's data.
struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links `hangar:fetch/types`, `client` and `concurrent`. The store must be used inside a tokio runtime.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<T, Has>(linker, get)?;
    client::add_to_linker::<T, Has>(linker, get)?;
    concurrent::add_to_linker::<T, Has>(linker, get)
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, errors::Error>> + Send>>;

impl View<'_> {
    fn caller(&self) -> Result<Caller, Error> {
        if self.grant.is_none() {
            let line = "grant.fetch = [\"https://api.example.com/*\"]";
            return Err(Error::denied(self.plugin, "hangar:fetch", line));
        }
        Ok(Caller {
            plugin: self.plugin.to_owned(),
            grant: self.grant.cloned(),
            limits: self.limits.clone(),
        })
    }

    /// Starts a request at once; it stops when the returned future is dropped.
    pub(crate) fn begin(&self, request: Request) -> Pending<Response> {
        let place = self
            .fetch
            .lanes()
            .of(self.plugin, self.limits)
            .request(self.plugin);
        let (caller, place) = match self.caller().and_then(|caller| Ok((caller, place?))) {
            Ok(ready) => ready,
            Err(error) => return failed(error),
        };
        let fetch = self.fetch.clone();
        let task = tokio::spawn(async move { fetch.run(&caller, request).await });
        let task = AbortOnDropHandle::new(task);
        Box::pin(async move {
            // Held until the answer is taken, so that unread answers count.
            let _place = place;
            match task.await {
                Ok(result) => Ok(result?),
                Err(_) => {
                    Err(Error::internal("the host is stopping; the request was given up").into())
                }
            }
        })
    }

    /// A timer. It reaches nothing outside and needs no grant.
    pub(crate) fn timer(&self, milliseconds: u32) -> Pending<()> {
        let max = self.limits.wall_ms;
        if u64::from(milliseconds) > max {
            let what = format!("a timer of {milliseconds} ms");
            return failed(Error::limit(
                self.plugin,
                &what,
                format!("{max} ms"),
                "limits.wall-ms",
            ));
        }
        let place = match self
            .fetch
            .lanes()
            .of(self.plugin, self.limits)
            .timer(self.plugin)
        {
            Ok(place) => place,
            Err(error) => return failed(error),
        };
        let end = Instant::now() + Duration::from_millis(milliseconds.into());
        Box::pin(async move {
            let _place = place;
            sleep_until(end).await;
            Ok(())
        })
    }
}

fn failed<T: Send + 'static>(error: Error) -> Pending<T> {
    Box::pin(async move { Err(error.into()) })
}

impl types::Host for View<'_> {}

impl client::Host for View<'_> {
    async fn send(&mut self, request: Request) -> Result<Response, errors::Error> {
        let caller = self.caller()?;
        let lane = self.fetch.lanes().of(self.plugin, self.limits);
        let _place = lane.request(self.plugin)?;
        Ok(self.fetch.run(&caller, request).await?)
    }
}

impl concurrent::Host for View<'_> {}

impl<T: Send> concurrent::HostWithStore<T> for Has {
    fn start(
        mut access: Access<T, Self>,
        request: Request,
    ) -> wasmtime::Result<FutureReader<Result<Response, errors::Error>>> {
        let pending = access.get().begin(request);
        FutureReader::new(&mut access, async move {
            Ok::<_, wasmtime::Error>(pending.await)
        })
    }

    fn sleep(
        mut access: Access<T, Self>,
        milliseconds: u32,
    ) -> wasmtime::Result<FutureReader<Result<(), errors::Error>>> {
        let pending = access.get().timer(milliseconds);
        FutureReader::new(&mut access, async move {
            Ok::<_, wasmtime::Error>(pending.await)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use tokio::sync::oneshot;
    use wasmtime::component::{FutureConsumer, Source};
    use wasmtime::{AsContextMut, Engine, Store, StoreContextMut};

    use super::*;

    struct State {
        fetch: Fetch,
        limits: Limits,
    }

    fn view(state: &mut State) -> View<'_> {
        View {
            plugin: "shop",
            grant: None,
            limits: &state.limits,
            fetch: &state.fetch,
        }
    }

    fn store() -> Store<State> {
        let fetch = Fetch::new().expect("sets up");
        Store::new(
            &Engine::default(),
            State {
                fetch,
                limits: Limits::default(),
            },
        )
    }

    /// Reads a future as a guest would and hands the value out.
    struct Reader<V>(Option<oneshot::Sender<Option<V>>>);

    impl<V: wasmtime::component::Lift + Send + 'static> FutureConsumer<State> for Reader<V> {
        type Item = V;

        fn poll_consume(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            store: StoreContextMut<State>,
            mut source: Source<'_, V>,
            _: bool,
        ) -> Poll<wasmtime::Result<()>> {
            let mut value = None;
            source.read(store, &mut value)?;
            if let Some(out) = self.0.take() {
                // Nobody listens once the test has failed.
                let _ = out.send(value);
            }
            Poll::Ready(Ok(()))
        }
    }

    async fn resolve<V>(store: &mut Store<State>, future: FutureReader<V>) -> V
    where
        V: wasmtime::component::Lift + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        future
            .pipe(&mut *store, Reader(Some(sender)))
            .expect("open");
        let value = store.run_concurrent(async |_| receiver.await).await;
        value.expect("no trap").expect("read").expect("a value")
    }

    #[tokio::test]
    async fn futures_resolve_inside_a_store() {
        let mut store = store();
        let began = Instant::now();
        let access = Access::<State, Has>::new(store.as_context_mut(), view);
        let timer = concurrent::HostWithStore::sleep(access, 30).expect("a future");
        assert!(resolve(&mut store, timer).await.is_ok());
        assert!(began.elapsed() >= Duration::from_millis(30));

        let request = Request {
            method: "GET".into(),
            url: "http://a.test/".into(),
            headers: vec![],
            body: vec![],
            options: String::new(),
        };
        let access = Access::<State, Has>::new(store.as_context_mut(), view);
        let answer = concurrent::HostWithStore::start(access, request).expect("a future");
        let error = resolve(&mut store, answer).await.expect_err("not granted");
        assert_eq!(error.code, "denied");
    }

    #[test]
    fn links_once() {
        let mut linker: Linker<State> = Linker::new(&Engine::default());
        add_to_linker(&mut linker, view).expect("the interfaces fit into one linker");
    }
}
