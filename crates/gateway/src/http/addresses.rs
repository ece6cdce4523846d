//! Which addresses may be connected to. A name is checked by what it resolves to at the moment of connecting, so that a
//! name server cannot lead us into the own network (server-side request forgery, CWE-918).

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Resolves names as the system does, and leaves out what may not be connected to.
#[derive(Debug)]
pub(super) struct Resolver {
    /// Whether addresses of the own network may.
    pub(super) private_allowed: bool,
}

/// No address of a name may be connected to.
#[derive(Debug)]
pub(super) struct AddressRefused;

impl fmt::Display for AddressRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of this name may be connected to")
    }
}

impl std::error::Error for AddressRefused {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let private_allowed = self.private_allowed;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut any, mut usable) = (false, Vec::<SocketAddr>::new());
            for address in found {
                any = true;
                if allowed(address.ip(), private_allowed) {
                    usable.push(address);
                }
            }
            if any && usable.is_empty() {
                return Err(AddressRefused.into());
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether a URL that holds an address may be connected to; names are checked when they are resolved.
pub(super) fn host_allowed(url: &Url, private_allowed: bool) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => allowed(address.into(), private_allowed),
        Some(Host::Ipv6(address)) => allowed(address.into(), private_allowed),
        Some(Host::Domain(_)) => true,
        None => false,
    }
}

/// Whether an address may be connected to. Link-local ones (where clouds keep their metadata and keys), unspecified ones
/// and multicast never; those of the own network where they are allowed.
fn allowed(address: IpAddr, private_allowed: bool) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => allowed_v4(address, private_allowed),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => allowed_v4(inner, private_allowed),
            None => allowed_v6(address, private_allowed),
        },
    }
}

fn allowed_v4(address: Ipv4Addr, private_allowed: bool) -> bool {
    let [a, b, ..] = address.octets();
    // 0.0.0.0/8 (RFC 1122 3.2.1.3) and 240.0.0.0/4 (RFC 1112 4) with the broadcast address.
    let never = a == 0 || a >= 240 || address.is_link_local() || address.is_multicast() || is_metadata(address);
    // 100.64.0.0/10 (RFC 6598) and 198.18.0.0/15 (RFC 2544) are of the own network as well.
    let own = address.is_private()
        || address.is_loopback()
        || (a == 100 && b & 0xc0 == 64)
        || (a == 198 && b & 0xfe == 18)
        || address.octets()[..3] == [192, 0, 0];
    !never && (private_allowed || !own)
}

fn allowed_v6(address: Ipv6Addr, private_allowed: bool) -> bool {
    // fec0::/10 are the site-local addresses of old (RFC 3879); fd00:ec2::254 is metadata.
    let metadata = address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    let never = address.is_unspecified() || address.is_unicast_link_local() || address.is_multicast() || metadata;
    let own = address.is_loopback() || address.is_unique_local() || address.segments()[0] & 0xffc0 == 0xfec0;
    !never && (private_allowed || !own)
}

/// Metadata services outside 169.254.0.0/16: Alibaba Cloud's and Oracle's old one are reached without a private network.
fn is_metadata(address: Ipv4Addr) -> bool {
    [[100, 100, 100, 200], [192, 0, 0, 192]].contains(&address.octets())
}

/// The address that a translator would connect to: NAT64 (RFC 6052), 6to4 (RFC 3056), and `::a.b.c.d` (RFC 4291 2.5.5.1).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match s {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed_at(text: &str, private_allowed: bool) -> bool {
        host_allowed(&Url::parse(&format!("https://{text}/v1")).unwrap(), private_allowed)
    }

    #[test]
    fn metadata_multicast_and_unspecified_addresses_are_never_connected_to() {
        for host in [
            "169.254.169.254",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "[fd00:ec2::254]",
            "100.100.100.200",
            "0.0.0.0",
            "0.1.2.3",
            "[::]",
            "224.0.0.1",
            "[ff02::1]",
            "255.255.255.255",
            "[::169.254.169.254]",
            // Other ways to write 169.254.169.254.
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
        ] {
            assert!(!allowed_at(host, true) && !allowed_at(host, false), "{host}");
        }
    }

    #[test]
    fn the_own_network_is_connected_to_where_it_is_allowed() {
        for host in [
            "127.0.0.1",
            "127.1",
            "10.0.0.1",
            "192.168.1.1",
            "172.31.0.1",
            "100.64.0.1",
            "198.18.0.1",
            "[::1]",
            "[fd12::1]",
            "[::ffff:10.0.0.1]",
            "[fec0::1]",
            "[64:ff9b::7f00:1]",
        ] {
            assert!(allowed_at(host, true), "{host}");
            assert!(!allowed_at(host, false), "{host}");
        }
        for host in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "[2606:4700::1111]", "api.openai.com"] {
            assert!(allowed_at(host, false), "{host}");
        }
    }

    #[tokio::test]
    async fn a_name_is_checked_by_its_addresses() {
        let resolve = |private_allowed| Resolver { private_allowed }.resolve("localhost".parse().unwrap());
        assert!(resolve(true).await.unwrap().next().is_some());
        let refused = resolve(false).await.err().unwrap();
        assert!(refused.is::<AddressRefused>());
    }
}
