//! Whether a request came by HTTPS, told by those who may tell it.
//!
//! A server behind a proxy that ends TLS sees plain HTTP; the proxy says in a header what the
//! visitor used. Anybody can send such a header, so it counts only from addresses that the
//! application trusts, and none are trusted by default.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use http::Extensions;
use http::header::{FORWARDED, HeaderMap, HeaderName};

use crate::options::OptionsError;

/// The address ranges whose `Forwarded` and `X-Forwarded-Proto` headers are believed.
///
/// The proxies in these ranges must write the header themselves (append to it or replace it) or
/// drop what a visitor sends. Where a request carries both headers, both must say `https`: a proxy
/// that writes one of them usually passes the other on as a visitor wrote it.
///
/// ```
/// # fn main() -> Result<(), session_web::OptionsError> {
/// let proxies = session_web::TrustedProxies::new(["10.0.0.0/8", "::1"])?;
/// assert!(proxies.contains("10.1.2.3".parse().unwrap()));
/// assert!(!proxies.contains("11.1.2.3".parse().unwrap()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    ranges: Vec<Range>,
}

impl TrustedProxies {
    /// Trusts the given ranges: an address (`127.0.0.1`) or address and length (`10.0.0.0/8`).
    ///
    /// # Errors
    ///
    /// What is not an address, or a length that does not fit it.
    pub fn new<'r>(ranges: impl IntoIterator<Item = &'r str>) -> Result<Self, OptionsError> {
        let ranges: Result<_, _> = ranges.into_iter().map(Range::from_str).collect();
        Ok(Self { ranges: ranges? })
    }

    /// Whether an address lies in one of the ranges.
    ///
    /// An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) counts as the IPv4 address it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.ranges
            .iter()
            .any(|range| (bits ^ range.bits) & range.mask == 0)
    }

    /// Whether the visitor's side of this request was HTTPS.
    pub(crate) fn is_https(&self, headers: &HeaderMap, extensions: &Extensions) -> bool {
        if let Some(SecureConnection(secure)) = extensions.get() {
            return *secure;
        }
        // Most applications trust nobody: they pay for one look at an empty list.
        if self.ranges.is_empty() || !peer(extensions).is_some_and(|peer| self.contains(peer)) {
            return false;
        }
        let said = [self.forwarded(headers), self.x_forwarded_proto(headers)];
        said.contains(&Some(true)) && !said.contains(&Some(false))
    }

    /// The visitor's address: the first one, seen from here, that is no trusted proxy's.
    ///
    /// Where the two headers disagree, one of them is the visitor's own: then it is the proxy's.
    #[cfg(feature = "axum")]
    pub(crate) fn visitor(&self, headers: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        let peer = peer(extensions)?;
        if !self.contains(peer) {
            return Some(peer);
        }
        let outermost = |hops: &mut dyn Iterator<Item = Option<IpAddr>>| {
            let mut last = None;
            // What cannot be read ends the chain: who stands behind it is not known.
            while let Some(Some(hop)) = hops.next() {
                last = Some(hop);
                if !self.contains(hop) {
                    break;
                }
            }
            last
        };
        let x_forwarded = outermost(&mut elements(headers, &X_FORWARDED_FOR).rev().map(address));
        let forwarded = elements(headers, &FORWARDED).rev();
        let mut forwarded = forwarded.map(|element| parameter(element, "for").and_then(address));
        let forwarded = outermost(&mut forwarded);
        match (x_forwarded, forwarded) {
            (Some(one), Some(other)) if one != other => Some(peer),
            (one, other) => one.or(other).or(Some(peer)),
        }
    }

    /// What `X-Forwarded-Proto` says; `None` if nobody wrote it.
    fn x_forwarded_proto(&self, headers: &HeaderMap) -> Option<bool> {
        let hops = elements(headers, &X_FORWARDED_FOR)
            .rev()
            .take_while(|hop| address(hop).is_some_and(|address| self.contains(address)))
            .count();
        // One proxy may have replaced what several wrote; then its word is the only one.
        elements(headers, &X_FORWARDED_PROTO)
            .rev()
            .take(hops + 1)
            .last()
            .map(|proto| proto.eq_ignore_ascii_case("https"))
    }

    /// What `Forwarded` (RFC 7239) says: the outermost element that a trusted proxy wrote.
    fn forwarded(&self, headers: &HeaderMap) -> Option<bool> {
        let mut said = None;
        for element in elements(headers, &FORWARDED).rev() {
            said = parameter(element, "proto").map(|proto| proto.eq_ignore_ascii_case("https"));
            let hop = parameter(element, "for").and_then(address);
            if !hop.is_some_and(|hop| self.contains(hop)) {
                break;
            }
        }
        said
    }
}

/// Put into a request's extensions by whoever knows how the visitor connected: a server that ends
/// TLS itself, or a test. It outranks every header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecureConnection(pub bool);

/// The address at the other end of the connection, for servers that have no `ConnectInfo` of axum.
///
/// Put it into a request's extensions; without one of the two no proxy is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub IpAddr);

pub(crate) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(crate) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

pub(crate) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let own = extensions.get().map(|PeerAddress(address)| *address);
    #[cfg(feature = "axum")]
    let own = own.or_else(|| {
        let info: &axum::extract::ConnectInfo<SocketAddr> = extensions.get()?;
        Some(info.0.ip())
    });
    own
}

/// The comma-separated elements of all headers of a name, in order.
fn elements<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl DoubleEndedIterator<Item = &'h str> + use<'h> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// A parameter of an element of `Forwarded`, without its quotes.
fn parameter<'e>(element: &'e str, name: &str) -> Option<&'e str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let is_it = key.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"'))
    })
}

/// The address of a hop: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]:443`.
fn address(hop: &str) -> Option<IpAddr> {
    let socket = || Some(SocketAddr::from_str(hop).ok()?.ip());
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(socket)
}

/// A range of addresses, IPv4 in its IPv6 form, so that one comparison does for both.
#[derive(Clone, Copy, Debug)]
struct Range {
    bits: u128,
    mask: u128,
}

impl FromStr for Range {
    type Err = OptionsError;

    fn from_str(text: &str) -> Result<Self, OptionsError> {
        let refuse = || {
            OptionsError::new(format!(
                "'{text}' is no address range; write 10.0.0.0/8 or 2001:db8::/32, or one address"
            ))
        };
        let (address, length) = text.split_once('/').unzip();
        let address: IpAddr = address.unwrap_or(text).parse().map_err(|_| refuse())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = match length {
            Some(length) => length.parse().map_err(|_| refuse())?,
            None => width,
        };
        let free = width.checked_sub(length).ok_or_else(refuse)?;
        Ok(Self {
            bits: bits(address),
            mask: u128::MAX.checked_shl(free).unwrap_or(0),
        })
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(peer: &str, headers: &[(&str, &str)]) -> bool {
        let proxies = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"]).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_str(name).unwrap();
            map.append(name, value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(PeerAddress(peer.parse().unwrap()));
        proxies.is_https(&map, &extensions)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let header = [("x-forwarded-proto", "https")];
        assert!(https("10.0.0.1", &header));
        assert!(https("::ffff:10.0.0.1", &header));
        assert!(https("fd00::1", &header));
        assert!(!https("192.0.2.1", &header));
        assert!(!https("10.0.0.1", &[]));
        assert!(!https("10.0.0.1", &[("x-forwarded-proto", "http")]));
    }

    #[test]
    fn what_a_visitor_wrote_before_the_proxy_does_not_count() {
        let headers = [
            ("x-forwarded-proto", "https, http"),
            ("x-forwarded-for", "10.9.9.9, 192.0.2.1"),
        ];
        assert!(!https("10.0.0.1", &headers));
        let forwarded = "for=10.9.9.9;proto=https, for=192.0.2.1;proto=http";
        assert!(!https("10.0.0.1", &[("forwarded", forwarded)]));
    }

    #[test]
    fn the_outermost_trusted_proxy_knows_the_visitor() {
        let headers = [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-for", "192.0.2.1, 10.0.0.2"),
        ];
        assert!(https("10.0.0.1", &headers));
        let forwarded = r#"for=192.0.2.1;proto=https, For="10.0.0.2:81";Proto=http"#;
        assert!(https("10.0.0.1", &[("forwarded", forwarded)]));
    }

    #[test]
    fn two_headers_that_disagree_are_no_https() {
        let headers = [("forwarded", "proto=https"), ("x-forwarded-proto", "http")];
        assert!(!https("10.0.0.1", &headers));
    }

    #[cfg(feature = "axum")]
    #[test]
    fn a_visitor_cannot_choose_an_address() {
        let proxies = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        let visitor = |peer: &str, headers: &[(&str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                let name = HeaderName::from_str(name).unwrap();
                map.append(name, value.parse().unwrap());
            }
            let mut extensions = Extensions::new();
            extensions.insert(PeerAddress(peer.parse().unwrap()));
            proxies.visitor(&map, &extensions).unwrap().to_string()
        };
        let claimed = ("x-forwarded-for", "192.0.2.9");
        assert_eq!(visitor("192.0.2.1", &[claimed]), "192.0.2.1");
        let chain = ("x-forwarded-for", "1.1.1.1, 192.0.2.1, 10.0.0.2");
        assert_eq!(visitor("10.0.0.1", &[chain]), "192.0.2.1");
        let other = ("forwarded", "for=192.0.2.2");
        assert_eq!(visitor("10.0.0.1", &[other]), "192.0.2.2");
        assert_eq!(visitor("10.0.0.1", &[chain, other]), "10.0.0.1");
        assert_eq!(visitor("10.0.0.1", &[("x-forwarded-for", "?")]), "10.0.0.1");
    }

    #[test]
    fn a_range_that_is_none_is_refused() {
        for range in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "host", "10.0.0.0/"] {
            let refused = TrustedProxies::new([range]);
            assert!(refused.is_err(), "{range}");
        }
        let all = TrustedProxies::new(["0.0.0.0/0"]).unwrap();
        assert!(all.contains("192.0.2.1".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
        let all = TrustedProxies::new(["::/0"]).unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
    }
}
