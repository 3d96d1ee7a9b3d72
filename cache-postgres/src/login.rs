//! How a connection is opened: where, as whom, and with what set on it.

use std::time::Duration;

use session_core::Result;
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::options::{PostgresOptions, TlsMode, refuse};

impl PostgresOptions {
    /// The driver's options, with what each connection is to be set to.
    pub(crate) fn connect_options(&self) -> Result<PgConnectOptions> {
        let mut options = self.server_options()?.disable_statement_logging();
        options = options.application_name(&self.application_name);
        if self.pgbouncer {
            self.check_shared_connections()?;
            // A pooler refuses start-up parameters that it does not know.
            return Ok(options.extra_float_digits(None).statement_cache_capacity(0));
        }
        let most = self.shared.timeout_for(self.shared.max_value_len);
        options = options.options([
            // Below our own time-outs, so that the caller hears of the lock.
            ("lock_timeout", millis(self.shared.timeout / 2)),
            // Below the time-out of the longest value only, since it is set once for all statements:
            // what a shorter call gave up goes on until then, on a connection that counts no longer.
            ("statement_timeout", millis(most / 10 * 9)),
            // The conditions of the statements are written for it.
            ("default_transaction_isolation", "read committed".to_owned()),
            // All statements find their rows by an index, whatever stale statistics say of a table
            // that has just grown, so there is nothing to plan anew.
            ("plan_cache_mode", "force_generic_plan".to_owned()),
            ("enable_seqscan", "off".to_owned()),
            ("jit", "off".to_owned()),
        ]);
        if let Some(when) = self.synchronous_commit {
            options = options.options([("synchronous_commit", when.name())]);
        }
        Ok(options)
    }

    fn server_options(&self) -> Result<PgConnectOptions> {
        let server = &self.server;
        let mut options = if self.environment {
            PgConnectOptions::new()
        } else {
            self.refuse_environment()?;
            let user = server.user.as_deref().unwrap_or("postgres");
            PgConnectOptions::new_without_pgpass()
                .host("localhost")
                .port(5432)
                .username(user)
                .password("")
                .database(user)
                .ssl_mode(PgSslMode::Prefer)
        };
        if let Some(host) = &server.host {
            options = options.host(host);
        }
        if let Some(port) = server.port {
            options = options.port(port);
        }
        if let Some(user) = &server.user {
            options = options.username(user);
        }
        if let Some(password) = &server.password {
            options = options.password(password);
        }
        if let Some(database) = &server.database {
            options = options.database(database);
        }
        Ok(self.with_tls(options))
    }

    fn with_tls(&self, mut options: PgConnectOptions) -> PgConnectOptions {
        if let Some(mode) = self.tls_mode {
            options = options.ssl_mode(mode.into());
        }
        if let Some(path) = &self.tls_root_cert {
            options = options.ssl_root_cert(path);
        }
        if let Some((cert, key)) = &self.tls_client_cert {
            options = options.ssl_client_cert(cert).ssl_client_key(key);
        }
        options
    }

    /// The driver takes these without being asked, and they cannot be unset in its options.
    fn refuse_environment(&self) -> Result<()> {
        let tls = self.tls_mode != Some(TlsMode::Disable);
        let verifies = matches!(self.tls_mode, Some(TlsMode::VerifyCa | TlsMode::VerifyFull));
        let unasked = [
            ("PGOPTIONS", true),
            ("PGSSLROOTCERT", verifies && self.tls_root_cert.is_none()),
            ("PGSSLCERT", tls && self.tls_client_cert.is_none()),
            ("PGSSLKEY", tls && self.tls_client_cert.is_none()),
        ];
        for (variable, counts) in unasked {
            if counts && std::env::var_os(variable).is_some() {
                return Err(refuse(format!(
                    "the variable {variable} is set and would count; unset it, or ask for the \
                     environment with environment=true"
                )));
            }
        }
        Ok(())
    }
}

impl From<TlsMode> for PgSslMode {
    fn from(mode: TlsMode) -> Self {
        match mode {
            TlsMode::Disable => Self::Disable,
            TlsMode::Prefer => Self::Prefer,
            TlsMode::Require => Self::Require,
            TlsMode::VerifyCa => Self::VerifyCa,
            TlsMode::VerifyFull => Self::VerifyFull,
        }
    }
}

fn millis(duration: Duration) -> String {
    // 0 would mean none.
    duration.as_millis().clamp(1, i32::MAX as u128).to_string()
}
