//! A cart in the session's bag. It is there before the visitor signs in, and still there after it.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use session_web::{Accepted, Problem, SessionBag};

use crate::input::{Fields, Input};
use crate::page::{Done, Page, done};
use crate::problem::problem;

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Cart {
    items: Vec<Item>,
}

/// What may be stored as a cart: what another version of the site left keeps nobody from filling a
/// new one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Stored {
    Cart { items: Vec<Item> },
    Other(IgnoredAny),
}

impl From<Stored> for Cart {
    fn from(stored: Stored) -> Self {
        match stored {
            Stored::Cart { items } => Self { items },
            Stored::Other(_) => Self::default(),
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Item {
    article: String,
    #[serde(default = "one")]
    quantity: u32,
}

fn one() -> u32 {
    1
}

impl Fields for Item {
    const WANTED: &'static str = "Send article, a text, and quantity, a number.";
}

/// The key of the cart in the bag.
const KEY: &str = "cart";
/// How many different articles a cart takes.
const MOST_ITEMS: usize = 50;
const MOST_OF_ONE: u32 = 99;
/// Characters in the name of an article.
const LONGEST_NAME: usize = 80;

/// `GET /cart`
pub(crate) async fn show(
    accepted: Accepted,
    after: Done,
    bag: SessionBag,
) -> Result<Response, Problem> {
    let cart: Cart = bag.get(KEY).await?.unwrap_or_default();
    if accepted != Accepted::Html {
        return Ok(Json(cart).into_response());
    }
    let main = html! {
        section aria-labelledby="content" {
            h2 id="content" { "In your cart" }
            @if cart.items.is_empty() { p { "Nothing yet." } }
            ul.list { @for item in &cart.items { li { (row(item)) } } }
            @if !cart.items.is_empty() {
                form method="post" action="/cart/empty" { button.bad { "Empty the cart" } }
            }
        }
        (add_form())
    };
    Ok(Page::new("Cart", "/cart")
        .after(after)
        .show(&main)
        .into_response())
}

fn row(item: &Item) -> Markup {
    html! {
        h3 { (item.article) }
        div.row {
            form method="post" action="/cart/change" {
                input type="hidden" name="article" value=(item.article);
                div.row {
                    label { "Quantity" span.away { " of " (item.article) }
                        " " input type="number" name="quantity" value=(item.quantity) min="0"
                            max=(MOST_OF_ONE) inputmode="numeric" required;
                    }
                    button.quiet { "Change" span.away { " the quantity of " (item.article) } }
                }
            }
            form method="post" action="/cart/remove" {
                input type="hidden" name="article" value=(item.article);
                button.bad { "Remove" span.away { " " (item.article) } }
            }
        }
    }
}

fn add_form() -> Markup {
    html! {
        section aria-labelledby="add" {
            h2 id="add" { "Add an article" }
            form method="post" action="/cart" {
                label for="article" { "Article" }
                input id="article" name="article" maxlength=(LONGEST_NAME) autocomplete="off" required;
                label for="quantity" { "Quantity" }
                input id="quantity" type="number" name="quantity" value="1" min="1"
                    max=(MOST_OF_ONE) inputmode="numeric" required;
                div { button { "Add to the cart" } }
            }
            p.hint {
                "The cart lives in the bag of your session. Fill it, sign in, and it is still there."
            }
        }
    }
}

/// `POST /cart`: more of an article, or a new one.
pub(crate) async fn add(
    accepted: Accepted,
    bag: SessionBag,
    Input(mut wanted): Input<Item>,
) -> Result<Response, Problem> {
    wanted.article = wanted.article.trim().to_owned();
    let name = wanted.article.chars().count();
    if !(1..=LONGEST_NAME).contains(&name) || wanted.article.contains(char::is_control) {
        let needed = format!("An article has a name of 1 to {LONGEST_NAME} characters.");
        return Err(problem(StatusCode::BAD_REQUEST, needed));
    }
    let cart = change_cart(&bag, |cart| cart.add(&wanted)).await?;
    Ok(done(accepted, "/cart", "added", cart))
}

/// `POST /cart/change`: another quantity of an article that is there.
pub(crate) async fn change(
    accepted: Accepted,
    bag: SessionBag,
    Input(wanted): Input<Item>,
) -> Result<Response, Problem> {
    let cart = change_cart(&bag, |cart| cart.set(&wanted)).await?;
    let word = if wanted.quantity == 0 {
        "removed"
    } else {
        "changed"
    };
    Ok(done(accepted, "/cart", word, cart))
}

/// `POST /cart/remove`: an article that is not there is no error, it may have gone in another tab.
pub(crate) async fn remove(
    accepted: Accepted,
    bag: SessionBag,
    Input(unwanted): Input<Item>,
) -> Result<Response, Problem> {
    let cart = change_cart(&bag, |cart| {
        cart.items.retain(|item| item.article != unwanted.article);
        Ok(())
    });
    Ok(done(accepted, "/cart", "removed", cart.await?))
}

/// `POST /cart/empty`, `DELETE /cart`
pub(crate) async fn empty(accepted: Accepted, bag: SessionBag) -> Result<Response, Problem> {
    bag.remove(KEY).await?;
    Ok(done(accepted, "/cart", "emptied", Cart::default()))
}

impl Cart {
    fn add(&mut self, wanted: &Item) -> Result<(), Problem> {
        check_quantity(wanted.quantity, 1)?;
        let mut items = self.items.iter_mut();
        if let Some(item) = items.find(|item| item.article == wanted.article) {
            let quantity = item.quantity.saturating_add(wanted.quantity);
            check_quantity(quantity, 1)?;
            item.quantity = quantity;
            return Ok(());
        }
        if self.items.len() >= MOST_ITEMS {
            let full = format!("The cart is full: it takes {MOST_ITEMS} different articles.");
            return Err(problem(StatusCode::CONFLICT, full));
        }
        self.items.push(Item {
            article: wanted.article.clone(),
            quantity: wanted.quantity,
        });
        Ok(())
    }

    fn set(&mut self, wanted: &Item) -> Result<(), Problem> {
        check_quantity(wanted.quantity, 0)?;
        let mut items = self.items.iter_mut();
        let Some(item) = items.find(|item| item.article == wanted.article) else {
            let gone = "That article is not in the cart any more.";
            return Err(problem(StatusCode::NOT_FOUND, gone));
        };
        item.quantity = wanted.quantity;
        self.items.retain(|item| item.quantity > 0);
        Ok(())
    }
}

fn check_quantity(quantity: u32, least: u32) -> Result<(), Problem> {
    if (least..=MOST_OF_ONE).contains(&quantity) {
        return Ok(());
    }
    let right = format!("The quantity goes from {least} to {MOST_OF_ONE}.");
    Err(problem(StatusCode::BAD_REQUEST, right))
}

/// Changes the newest cart, whatever other tabs do at the same time.
async fn change_cart(
    bag: &SessionBag,
    mut change: impl FnMut(&mut Cart) -> Result<(), Problem> + Send,
) -> Result<Cart, Problem> {
    let change = |cart: &mut Cart| change(cart).map(|()| cart.clone());
    bag.update(KEY, change).await?
}
