//! Generated bindings: one `generate!` for everything the host offers, one for each interface a plugin may export, so
//! that a plugin exports what it serves and nothing else. Exports are `async` in WIT; Rust plugins serve them with the
//! synchronous ABI, which the host calls faster.
#![allow(missing_docs, clippy::all)]

pub mod imports {
    wit_bindgen::generate!({
        world: "hangar:plugin/imports",
        path: ["../wit/types", "../wit/http", "../wit/files", "../wit/postgres", "../wit/sqlite", "../wit/operator", "../wit/backup", "../wit/fetch", "../wit/kv", "../wit/crypto", "../wit/log", "../wit/config", "../wit/mail", "../wit/realtime", "../wit/analytics", "../wit/hooks", "../wit/collections", "../wit/auth", "../wit/plugin"],
        generate_all,
        generate_unused_types: true,
        sync: true,
    });
}

pub use imports::hangar::types::errors;

pub mod handler_http {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-handler-http; world exported-handler-http { export hangar:http/handler@0.1.0; }",
        path: ["../wit/types", "../wit/http"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
            "hangar:http/types@0.1.0": crate::bindings::imports::hangar::http::types,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_http",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::handler_http",
    });
}

pub mod handler {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-handler; world exported-handler { export hangar:hooks/handler@0.1.0; }",
        path: ["../wit/types", "../wit/hooks"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_hooks",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::handler",
    });
}

pub mod lifecycle {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-lifecycle; world exported-lifecycle { export hangar:plugin/lifecycle@0.1.0; }",
        path: ["../wit/types", "../wit/http", "../wit/files", "../wit/postgres", "../wit/sqlite", "../wit/operator", "../wit/backup", "../wit/fetch", "../wit/kv", "../wit/crypto", "../wit/log", "../wit/config", "../wit/mail", "../wit/realtime", "../wit/analytics", "../wit/hooks", "../wit/collections", "../wit/auth", "../wit/plugin"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_lifecycle",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::lifecycle",
    });
}

pub mod records {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-records; world exported-records { export hangar:collections/records@0.1.0; }",
        path: ["../wit/types", "../wit/collections"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_records",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::records",
    });
}

pub mod matcher {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-matcher; world exported-matcher { export hangar:realtime/matcher@0.1.0; }",
        path: ["../wit/types", "../wit/http", "../wit/realtime"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_matcher",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::matcher",
    });
}

pub mod identity {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-identity; world exported-identity { export hangar:auth/identity@0.1.0; }",
        path: ["../wit/types", "../wit/auth"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_identity",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::identity",
    });
}

pub mod tokens {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-tokens; world exported-tokens { export hangar:auth/tokens@0.1.0; }",
        path: ["../wit/types", "../wit/auth"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_tokens",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::tokens",
    });
}

pub mod afterwards {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-afterwards; world exported-afterwards { export hangar:plugin/afterwards@0.1.0; }",
        path: ["../wit/types", "../wit/http", "../wit/files", "../wit/postgres", "../wit/sqlite", "../wit/operator", "../wit/backup", "../wit/fetch", "../wit/kv", "../wit/crypto", "../wit/log", "../wit/config", "../wit/mail", "../wit/realtime", "../wit/analytics", "../wit/hooks", "../wit/collections", "../wit/auth", "../wit/plugin"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_afterwards",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::afterwards",
    });
}

pub mod commands {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-commands; world exported-commands { export hangar:plugin/commands@0.1.0; }",
        path: ["../wit/types", "../wit/http", "../wit/files", "../wit/postgres", "../wit/sqlite", "../wit/operator", "../wit/backup", "../wit/fetch", "../wit/kv", "../wit/crypto", "../wit/log", "../wit/config", "../wit/mail", "../wit/realtime", "../wit/analytics", "../wit/hooks", "../wit/collections", "../wit/auth", "../wit/plugin"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_commands",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::commands",
    });
}

pub mod crons {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-crons; world exported-crons { export hangar:plugin/crons@0.1.0; }",
        path: ["../wit/types", "../wit/http", "../wit/files", "../wit/postgres", "../wit/sqlite", "../wit/operator", "../wit/backup", "../wit/fetch", "../wit/kv", "../wit/crypto", "../wit/log", "../wit/config", "../wit/mail", "../wit/realtime", "../wit/analytics", "../wit/hooks", "../wit/collections", "../wit/auth", "../wit/plugin"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_crons",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::crons",
    });
}

pub mod limits {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-limits; world exported-limits { export hangar:http/limits@0.1.0; }",
        path: ["../wit/types", "../wit/http"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_limits",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::limits",
    });
}

pub mod derive {
    wit_bindgen::generate!({
        inline: "package hangar:sdk-derive; world exported-derive { export hangar:files/derive@0.1.0; }",
        path: ["../wit/types", "../wit/http", "../wit/files"],
        with: {
            "hangar:types/errors@0.1.0": crate::bindings::imports::hangar::types::errors,
        },
        sync: true,
        pub_export_macro: true,
        export_macro_name: "export_derive",
        runtime_path: "hangar_sdk::wit_bindgen::rt",
        default_bindings_module: "hangar_sdk::bindings::derive",
    });
}
