//! The cart in the bag.

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::server::Server;

const JSON: &str = "application/json";

#[test]
fn a_cart_is_filled_changed_and_emptied_by_forms() {
    let server = Server::start("memory:");
    let mut visitor = Browser::showing_pages(&server.address);
    assert!(visitor.get("/cart").body.contains("Nothing yet."));
    let page = visitor
        .form_then_page("/cart", "article=Hat&quantity=2")
        .body;
    assert!(page.contains("The article is in your cart."), "{page}");
    assert!(page.contains("<h3>Hat</h3>") && page.contains(r#"value="2""#));
    visitor.form_then_page("/cart", "article=+Hat+&quantity=3");
    visitor.form_then_page("/cart", "article=Pen");
    assert_eq!(items(&mut visitor), json!([["Hat", 5], ["Pen", 1]]));
    let page = visitor
        .form_then_page("/cart/change", "article=Hat&quantity=7")
        .body;
    assert!(page.contains("The quantity is changed."));
    let page = visitor.form_then_page("/cart/remove", "article=Pen").body;
    assert!(page.contains("The article is out of your cart."));
    assert_eq!(items(&mut visitor), json!([["Hat", 7]]));
    visitor.form_then_page("/cart/change", "article=Hat&quantity=0");
    assert_eq!(items(&mut visitor), json!([]));
    visitor.form_then_page("/cart", "article=Pen&quantity=1");
    let page = visitor.form_then_page("/cart/empty", "").body;
    assert!(page.contains("Your cart is empty now.") && page.contains("Nothing yet."));
}

#[test]
fn the_cart_survives_the_sign_in_and_goes_with_the_sign_out() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    visitor.form("/cart", "article=Hat&quantity=2").json();
    let anonymous = visitor.jar.clone();
    visitor.sign_in("alice").json();
    assert_ne!(anonymous["ss-pid"], visitor.jar["ss-pid"]);
    assert_eq!(items(&mut visitor), json!([["Hat", 2]]));
    visitor.post("/auth/logout").json();
    assert_eq!(items(&mut visitor), json!([]));
    visitor.sign_in("alice").json();
    assert_eq!(items(&mut visitor), json!([]));
}

#[test]
fn programs_fill_a_cart_with_json() {
    let server = Server::start("memory:");
    let mut program = Browser::of(&server.address);
    let hat = json!({ "article": "Hat", "quantity": 2 });
    let cart = program.send("POST", "/cart", JSON, &hat.to_string()).json();
    assert_eq!(cart, json!({ "items": [hat] }));
    assert_eq!(program.get("/cart").json(), cart);
    assert_eq!(
        program.send("DELETE", "/cart", JSON, "").json(),
        json!({ "items": [] })
    );
}

#[test]
fn a_cart_takes_what_fits_and_says_what_would() {
    let server = Server::start("memory:");
    let mut visitor = Browser::of(&server.address);
    visitor.form("/cart", "article=Hat&quantity=98").json();
    let long = format!("article={}", "x".repeat(81));
    for (path, fields, status) in [
        ("/cart", "article=", 400),
        ("/cart", "article=+++", 400),
        ("/cart", "article=a%00b", 400),
        ("/cart", &long, 400),
        ("/cart", "article=Hat&quantity=2", 400),
        ("/cart", "article=Pen&quantity=0", 400),
        ("/cart", "article=Pen&quantity=-1", 400),
        ("/cart", "article=Pen&quantity=4294967295", 400),
        ("/cart", "article=Pen&quantity=many", 400),
        ("/cart", "quantity=1", 400),
        ("/cart/change", "article=Pen&quantity=1", 404),
        ("/cart/change", "article=Hat&quantity=100", 400),
    ] {
        let reply = visitor.form(path, fields);
        assert_eq!(reply.status, status, "{path} {fields}: {}", reply.body);
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
        assert!(reply.body.contains("detail"), "{}", reply.body);
    }
    assert_eq!(visitor.send("POST", "/cart", JSON, "{").status, 400);
    assert_eq!(
        visitor.send("POST", "/cart", "text/plain", "Hat").status,
        415
    );
    assert_eq!(
        visitor
            .send("POST", "/cart", JSON, &" ".repeat(70_000))
            .status,
        413
    );
    assert_eq!(items(&mut visitor), json!([["Hat", 98]]));
    for number in 1..50 {
        visitor.form("/cart", &format!("article={number}")).json();
    }
    assert_eq!(visitor.form("/cart", "article=one+more").status, 409);
    assert_eq!(items(&mut visitor).as_array().unwrap().len(), 50);
}

#[test]
fn tabs_that_fill_one_cart_at_once_lose_nothing() {
    // In a file, where reading and writing are far enough apart to be overtaken.
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&format!("sqlite://{}/demo.db", folder.path().display()));
    let mut visitor = Browser::of(&server.address);
    visitor.form("/cart", "article=Hat").json();
    let tabs: Vec<_> = (0..8)
        .map(|number| {
            let mut tab = visitor.clone();
            std::thread::spawn(move || {
                tab.form("/cart", &format!("article={number}")).json();
                for _ in 0..5 {
                    tab.form("/cart", "article=Hat").json();
                }
            })
        })
        .collect();
    for tab in tabs {
        tab.join().unwrap();
    }
    let items = items(&mut visitor);
    assert_eq!(items.as_array().unwrap().len(), 9, "{items}");
    assert_eq!(items[0], json!(["Hat", 41]));
}

#[test]
fn a_cart_of_another_version_of_the_site_counts_as_empty() {
    let server = Server::start("memory:");
    let mut visitor = Browser::showing_pages(&server.address);
    visitor.send("PUT", "/bag/cart", JSON, r#""all sold""#);
    assert!(visitor.get("/cart").body.contains("Nothing yet."));
    visitor.form_then_page("/cart", "article=Hat");
    assert_eq!(items(&mut visitor), json!([["Hat", 1]]));
}

/// The cart as a program sees it.
fn items(visitor: &mut Browser) -> Value {
    let cart = visitor.clone().reading_json().get("/cart").json();
    let items = cart["items"].as_array().unwrap().iter();
    items
        .map(|item| json!([item["article"], item["quantity"]]))
        .collect()
}
