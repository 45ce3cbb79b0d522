//! Parameters of who may do what.

use super::forms::{COUNT, PERMISSION};
use super::{Kind, Param, size_of_engine};

pub(super) const PARAMS: &[Param] = &[
    Param::bound(
        "requirepass",
        Kind::Text,
        |c| String::from_utf8_lossy(&c.server.config.requirepass).into_owned(),
        |c, v| {
            c.server.config.requirepass = v.to_vec();
            c.set_default_password(v);
        },
    ),
    Param::stored("aclfile", Kind::Text, "").fixed(),
    size_of_engine!("acllog-max-len", COUNT, server.acl.log.max_len),
    Param::bound(
        "acl-pubsub-default",
        Kind::Enum(&["allchannels", "resetchannels"]),
        |c| if c.server.acl.all_channels { "allchannels" } else { "resetchannels" }.to_string(),
        |c, v| c.server.acl.all_channels = v == b"allchannels",
    ),
    Param::bound(
        "enable-debug-command",
        PERMISSION,
        |c| c.server.config.enable_debug_command.word().to_string(),
        |c, v| c.server.config.enable_debug_command = crate::engine::config::Permission::of(v),
    )
    .fixed(),
    Param::stored("enable-module-command", PERMISSION, "no").fixed(),
    Param::bound(
        "enable-protected-configs",
        PERMISSION,
        |c| c.server.config.enable_protected_configs.word().to_string(),
        |c, v| c.server.config.enable_protected_configs = crate::engine::config::Permission::of(v),
    )
    .fixed(),
    Param::stored("protected-mode", Kind::Bool, "yes").hosted(),
    Param::stored("sanitize-dump-payload", Kind::Enum(&["no", "yes", "clients"]), "no"),
];
