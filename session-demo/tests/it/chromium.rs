//! A real browser: cookies are kept and removed as Chromium understands them.
//!
//! It is found in `PATH`, with its driver; `./test --browser` installs both.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use conformance_tests::servers::{Program, find_program, free_port};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::tempdir;

use crate::server::Server;

#[tokio::test]
#[cfg_attr(not(feature = "browser"), ignore = "needs Chromium: ./test --browser")]
async fn signing_out_removes_the_cookies_and_leaves_nothing_behind_the_back_button() {
    let server = Server::start("memory:");
    let driver = Driver::start();
    let profile = tempdir().unwrap();
    let chromium = driver.open(profile.path()).await;
    for remember in [false, true] {
        let page = chromium.at(&server).await;
        page.sign_in(remember).await;
        let before = page.cookies().await;
        assert!(before.iter().any(|(name, _)| name == "ss-id"));
        assert!(page.text().await.contains(SIGNED_IN));
        chromium.0.refresh().await.unwrap();
        assert!(page.text().await.contains(SIGNED_IN), "after a reload");

        page.submit("form[action='/auth/logout']").await;
        assert!(!page.text().await.contains(SIGNED_IN));
        // The page after the sign-out is a new visitor's: it has new ids, and no preference.
        let after = page.cookies().await;
        for cookie in &before {
            assert!(!after.contains(cookie), "a cookie outlived the sign-out");
        }
        assert!(after.iter().all(|(name, _)| name != "ss-opt"));

        chromium.0.back().await.unwrap();
        assert!(
            !page.text().await.contains(SIGNED_IN),
            "behind the back button"
        );
        chromium.0.refresh().await.unwrap();
        assert!(
            !page.text().await.contains(SIGNED_IN),
            "after a reload of that"
        );
    }
    chromium.close().await;
}

#[tokio::test]
#[cfg_attr(not(feature = "browser"), ignore = "needs Chromium: ./test --browser")]
async fn a_remembered_session_survives_the_browser_and_another_does_not() {
    let server = Server::start("memory:");
    let driver = Driver::start();
    for remember in [true, false] {
        let profile = tempdir().unwrap();
        let chromium = driver.open(profile.path()).await;
        chromium.at(&server).await.sign_in(remember).await;
        if remember {
            is_written("ss-opt", profile.path()).await;
        }
        chromium.close().await;
        let chromium = driver.open(profile.path()).await;
        let page = chromium.at(&server).await;
        let signed_in = page.text().await.contains(SIGNED_IN);
        assert_eq!(signed_in, remember);
        chromium.close().await;
    }
}

/// Waits until a cookie is in the profile: Chromium writes them every half minute, and at its end
/// only if nobody loses patience with it.
async fn is_written(cookie: &str, profile: &Path) {
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let cookies = std::fs::read(profile.join("Default/Cookies")).unwrap_or_default();
        let mut names = cookies.windows(cookie.len());
        if names.any(|name| name == cookie.as_bytes()) {
            return;
        }
        assert!(Instant::now() < until, "the browser does not keep {cookie}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What a page says to `alice` and to nobody else.
const SIGNED_IN: &str = "Hello, ";

/// The program that opens browsers for tests. They end with it.
struct Driver {
    port: u16,
    _program: Program,
}

impl Driver {
    fn start() -> Self {
        let program = find_program(&["chromedriver"], &[]);
        let program = program.expect("no chromedriver: install the package chromium-driver");
        let port = free_port().unwrap();
        let arguments = [format!("--port={port}")];
        let program = Program::start(&program, &arguments, |_| Ok(())).unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < until, "no answer: {}", program.log());
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            port,
            _program: program,
        }
    }

    /// Opens a browser on what another one may have left in this folder.
    async fn open(&self, profile: &Path) -> Chromium {
        let profile = format!("--user-data-dir={}", profile.display());
        let options = json!({ "args": [
            "--headless=new",
            // Root, as in a container, has no sandbox; nor has a container much shared memory.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--password-store=basic",
            profile,
        ] });
        let wanted = json!({ "goog:chromeOptions": options });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await;
        Chromium(client.unwrap())
    }
}

struct Chromium(Client);

impl Chromium {
    async fn at(&self, server: &Server) -> Page<'_> {
        let url = format!("http://{}/", server.address);
        self.0.goto(&url).await.unwrap();
        Page(&self.0)
    }

    /// As a user does, so that what is to stay is written to the profile.
    async fn close(self) {
        self.0.close().await.unwrap();
    }
}

struct Page<'c>(&'c Client);

impl Page<'_> {
    async fn sign_in(&self, remember: bool) {
        for (field, text) in [("userName", "alice"), ("password", "alice-password")] {
            let field = self.find(&format!("input[name='{field}']")).await;
            field.send_keys(text).await.unwrap();
        }
        if remember {
            let choice = self.find("input[name='rememberMe']").await;
            choice.click().await.unwrap();
        }
        self.submit("form[action='/auth/credentials']").await;
    }

    async fn submit(&self, form: &str) {
        let before = self.find("html").await;
        let button = self.find(&format!("{form} button")).await;
        button.click().await.unwrap();
        // The click may be answered before the next page is there.
        let left = async {
            while before.tag_name().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let patience = Duration::from_secs(60);
        tokio::time::timeout(patience, left)
            .await
            .expect("the next page comes");
    }

    async fn find(&self, selector: &str) -> fantoccini::elements::Element {
        let wait = self.0.wait().for_element(Locator::Css(selector));
        wait.await.unwrap()
    }

    async fn text(&self) -> String {
        self.find("main").await.text().await.unwrap()
    }

    /// Those that scripts cannot see too.
    async fn cookies(&self) -> Vec<(String, String)> {
        let cookies = self.0.get_all_cookies().await.unwrap();
        let pairs = cookies.iter();
        pairs
            .map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned()))
            .collect()
    }
}
