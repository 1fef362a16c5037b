//! Who is revoked, by a list or by the log, does not come in, and is cut where it is in.

use super::*;
use crate::{
    domain::{Barring, KeyId},
    identity::{CrlMarks, Fault, TrustError, key_of_authority},
};

const RMS: &str = "spiffe://exchange.example/agency/police/service/rms";

impl Exchange {
    /// Writes the police's bundle and lists, and returns what is read from them.
    fn with_lists(&mut self, bundle: &str, lists: &str) -> Result<Trust, TrustError> {
        let ca = mint::write(self.dir.path(), "police.pem", bundle);
        let crl = mint::write(self.dir.path(), "police-crl.pem", lists);
        let source = Source { ca, crl: Some(crl) };
        self.sources.agencies.insert("police".parse().unwrap(), source);
        self.trust.borrow().load_next(&self.sources, self.clock.now())
    }

    /// Puts them in force as the server does: new handshakes first, then who is in.
    fn put_in_force(&mut self, bundle: &str, lists: &str) -> usize {
        let trust = Arc::new(self.with_lists(bundle, lists).unwrap());
        self.trust.send_replace(Arc::clone(&trust));
        let bars = Arc::clone(&self.bars.borrow());
        self.connections.cut_untrusted(&trust, self.clock.now(), || Arc::clone(&bars))
    }

    fn fault(&mut self, bundle: &str, lists: &str) -> Fault {
        let TrustError { path, fault } = self.with_lists(bundle, lists).unwrap_err();
        assert_eq!(path.file_name().unwrap(), "police-crl.pem");
        fault
    }

    fn bar(&self, act: &Barring) {
        self.bars.send_modify(|bars| Arc::make_mut(bars).apply(act, 7));
    }

    fn police_pem(&self) -> String {
        self.police.pem.clone()
    }
}

#[tokio::test]
async fn a_certificate_on_a_list_is_cut_and_refused_and_no_other_is() {
    let mut exchange = Exchange::open();
    let (stolen, kept) = (exchange.service(), exchange.service());
    let bundle = exchange.police_pem();
    exchange.put_in_force(&bundle, &exchange.police.crl(1, &[], 30));
    let (_, on_stolen) = exchange.admit(&stolen).await;
    let (_, on_kept) = exchange.admit(&kept).await;

    let cut = exchange.put_in_force(&bundle, &exchange.police.crl(2, &[&stolen], 30));

    assert_eq!(cut, 1);
    assert!(on_stolen.peer().connection.is_cut() && !on_kept.peer().connection.is_cut());
    assert_eq!(exchange.refused(Some(&stolen)).await, Rejection::CertificateRevoked);
    exchange.admit(&kept).await;
}

/// A CA between leaf and root is revoked by the root's list, and a leaf by that of the CA between. Who sends a
/// chain through another CA without a list is not let in either.
#[tokio::test]
async fn the_whole_chain_is_looked_at() {
    for revoke in ["nothing", "the leaf", "the ca between", "an unlisted ca"] {
        let mut exchange = Exchange::open();
        let between = exchange.police.intermediate("Police issuing CA");
        let leaf = between.issue(&mint::client(&[RMS]));
        let ca = between.as_minted();
        let revoked = |what: &str, minted| if revoke == what { vec![minted] } else { vec![] };
        let lists = format!(
            "{}{}",
            exchange.police.crl(1, &revoked("the ca between", &ca), 30),
            between.crl(1, &revoked("the leaf", &leaf), 30)
        );
        let bundle = format!("{}{}", between.pem, exchange.police.pem);
        exchange.put_in_force(&bundle, &lists);
        let expected = match revoke {
            "nothing" => {
                exchange.admit(&leaf).await;
                continue;
            }
            "an unlisted ca" => {
                let other = exchange.police.intermediate("Another issuing CA");
                let leaf = other.issue(&mint::client(&[RMS]));
                assert_eq!(exchange.refused(Some(&leaf)).await, Rejection::RevocationUnknown);
                continue;
            }
            _ => Rejection::CertificateRevoked,
        };
        assert_eq!(exchange.refused(Some(&leaf)).await, expected, "{revoke}");
    }
}

/// What stands in a bundle beside its root need not be sent, and is no root itself.
#[tokio::test]
async fn a_ca_of_the_bundle_need_not_be_sent() {
    let mut exchange = Exchange::open();
    let between = exchange.police.intermediate("Police issuing CA");
    let mut leaf = between.issue(&mint::client(&[RMS]));
    leaf.chain.truncate(leaf.chain.find("-----END CERTIFICATE-----").unwrap() + 26);
    let bundle = format!("{}{}", exchange.police.pem, between.pem);
    let lists = format!("{}{}", exchange.police.crl(1, &[], 30), between.crl(1, &[], 30));
    exchange.put_in_force(&bundle, &lists);
    exchange.admit(&leaf).await;
}

/// Two CAs of one name, as after a rotation of the key: each has its own list.
#[tokio::test]
async fn lists_are_told_apart_by_key_and_not_by_name() {
    let mut exchange = Exchange::open();
    let successor = Ca::root("Police CA");
    let bundle = format!("{}{}", exchange.police.pem, successor.pem);
    let (old, new) = (exchange.service(), successor.issue(&mint::client(&[RMS])));
    let lists = format!("{}{}", exchange.police.crl(9, &[&old], 30), successor.crl(1, &[], 30));
    exchange.put_in_force(&bundle, &lists);
    exchange.admit(&new).await;
    assert_eq!(exchange.refused(Some(&old)).await, Rejection::CertificateRevoked);
}

/// A list that is out of date closes its own CA, live connections included, and nobody else.
#[tokio::test]
async fn a_list_out_of_date_closes_its_own_ca() {
    let mut exchange = Exchange::open();
    let successor = Ca::root("Police CA 2");
    let bundle = format!("{}{}", exchange.police.pem, successor.pem);
    let council = "spiffe://exchange.example/agency/council/service/crm";
    let council = exchange.council.issue(&mint::client(&[council]));
    let (old, new) = (exchange.service(), successor.issue(&mint::client(&[RMS])));
    let of_successor = successor.crl(1, &[], 50);
    let lists = format!("{}{of_successor}", exchange.police.crl(1, &[], 5));
    exchange.put_in_force(&bundle, &lists);
    let mut open = Vec::new();
    for identity in [&old, &new, &council] {
        open.push(exchange.admit(identity).await);
    }
    let cut = |open: &[(_, PeerStream)]| -> Vec<bool> {
        open.iter().map(|(_, stream)| stream.peer().connection.is_cut()).collect()
    };
    let next = mint::today().plus_days(5);
    let now = Timestamp::from_ms(next.ms() - 1);
    assert_eq!(exchange.connections.cut_expired(now), 0);
    exchange.clock.0.store(next.ms(), Ordering::SeqCst);
    exchange.connections.cut_expired(next);
    assert_eq!(cut(&open), [true, false, false]);

    exchange.admit(&new).await;
    exchange.admit(&council).await;
    // Neither a start nor another generation waits for the next list.
    exchange.put_in_force(&bundle, &lists);
    assert_eq!(exchange.refused(Some(&old)).await, Rejection::CrlExpired);
    let lists = format!("{}{of_successor}", exchange.police.crl(2, &[], 20));
    assert_eq!(exchange.put_in_force(&bundle, &lists), 0);
    exchange.admit(&old).await;
}

#[tokio::test]
async fn a_list_that_cannot_be_relied_on_is_refused_with_all_the_rest() {
    let mut exchange = Exchange::open();
    let bundle = exchange.police_pem();
    let good = exchange.police.crl(7, &[], 30);
    exchange.put_in_force(&bundle, &good);
    let (half, _) = good.split_at(good.len() / 2);
    assert!(matches!(exchange.fault(&bundle, half), Fault::NotPem("CRL")));
    let garbled = good.replacen("MI", "MJ", 1);
    assert!(matches!(exchange.fault(&bundle, &garbled), Fault::Crl));
    let council = exchange.council.crl(8, &[], 30);
    assert!(matches!(exchange.fault(&bundle, &council), Fault::CrlOfAnother));
    let namesake = Ca::root("Police CA").crl(8, &[], 30);
    assert!(matches!(exchange.fault(&bundle, &namesake), Fault::CrlOfAnother));
    let twice = format!("{good}{}", exchange.police.crl(8, &[], 30));
    assert!(matches!(exchange.fault(&bundle, &twice), Fault::CrlTwice));
    let older = exchange.police.crl(6, &[], 30);
    assert!(matches!(exchange.fault(&bundle, &older), Fault::CrlOlder));
    let other = exchange.police.crl(7, &[], 31);
    assert!(matches!(exchange.fault(&bundle, &other), Fault::CrlChanged));
    let both = format!("{bundle}{}", exchange.council.pem);
    assert!(matches!(exchange.fault(&both, &good), Fault::CrlMissing(_)));
    assert!(matches!(exchange.fault(&bundle, ""), Fault::CrlMissing(_)));
    exchange.with_lists(&bundle, &good).unwrap();
    exchange.with_lists(&bundle, &exchange.police.crl(0x0100, &[], 30)).unwrap();
}

#[tokio::test]
async fn whoever_the_log_bars_is_cut_and_refused() {
    let stranger = |exchange: &Exchange| exchange.bars.borrow().certificates.len();
    for (reason, expected) in [
        ("certificate", Rejection::CertificateRevoked),
        ("ca", Rejection::AuthorityRevoked),
        ("suspended", Rejection::AgencySuspended),
        ("revoked", Rejection::AgencyRevoked),
    ] {
        let mut exchange = Exchange::open();
        let council = "spiffe://exchange.example/agency/council/service/crm";
        let council = exchange.council.issue(&mint::client(&[council]));
        let service = exchange.service();
        let (_, on_police) = exchange.admit(&service).await;
        let (_, on_council) = exchange.admit(&council).await;
        let agency = "police".parse().unwrap();
        let key: KeyId = key_of_authority(&exchange.dir.path().join("police.pem")).unwrap();
        let act = match reason {
            "certificate" => Barring::CertificateRevoked(on_police.peer().caller.certificate),
            "ca" => Barring::AuthorityRevoked(key),
            "suspended" => Barring::AgencySuspended(agency),
            _ => Barring::AgencyRevoked(agency),
        };
        exchange.bar(&act);
        let bars = Arc::clone(&exchange.bars.borrow());
        assert_eq!(exchange.connections.cut_barred(&bars), 1, "{reason}");
        assert!(on_police.peer().connection.is_cut() && !on_council.peer().connection.is_cut());
        assert_eq!(exchange.refused(Some(&service)).await, expected);
        exchange.admit(&council).await;
        assert_eq!(stranger(&exchange), usize::from(reason == "certificate"));
    }
}

/// Barred while it shook hands: the look at the end finds it, whoever has gone through the list before.
#[tokio::test]
async fn who_is_barred_during_the_handshake_does_not_come_in() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (_client, stream) = exchange.admit(&service).await;
    let connection = stream.peer().connection;
    assert_eq!(connection.bar(&Bars::default()), None);
    exchange.bar(&Barring::AgencySuspended("police".parse().unwrap()));
    assert!(connection.bar(&exchange.bars.borrow()).is_some());
    exchange.bar(&Barring::AgencyReinstated("police".parse().unwrap()));
    exchange.admit(&service).await;
}

/// A root past its last moment vouches for nobody, whether or not anything is read again.
#[tokio::test]
async fn an_expired_root_vouches_for_nobody_without_a_reload() {
    let mut exchange = Exchange::open();
    let short = Ca::root_for("Police CA", 5);
    let service = short.issue(&mint::client(&[RMS]));
    exchange.put_in_force(&short.pem, &short.crl(1, &[], 300));
    exchange.admit(&service).await;
    exchange.clock.0.store(mint::today().plus_days(6).ms(), Ordering::SeqCst);
    assert_eq!(exchange.refused(Some(&service)).await, Rejection::Expired);
}

/// A CA between that ends takes who is in by its word with it, without a reload.
#[tokio::test]
async fn an_expired_ca_between_cuts_who_is_in() {
    let mut exchange = Exchange::open();
    let between = exchange.police.intermediate_for("Police issuing CA", 5);
    let leaf = between.issue(&mint::client(&[RMS]));
    let bundle = exchange.police_pem();
    let lists = format!("{}{}", exchange.police.crl(1, &[], 300), between.crl(1, &[], 300));
    exchange.put_in_force(&format!("{bundle}{}", between.pem), &lists);
    let (_client, stream) = exchange.admit(&leaf).await;
    let end = mint::today().plus_days(5);
    assert_eq!(exchange.connections.cut_expired(end), 0);
    assert_eq!(exchange.connections.cut_expired(end.plus_days(1)), 1);
    assert!(stream.peer().connection.is_cut());
}

/// Two agencies that share a CA take its lists at their own pace; neither goes back.
#[tokio::test]
async fn lists_are_compared_with_those_of_the_same_agency() {
    let mut exchange = Exchange::open();
    let bundle = exchange.police_pem();
    let [first, second, third] = [1, 2, 3].map(|number| exchange.police.crl(number, &[], 30));
    let ca = mint::write(exchange.dir.path(), "shared.pem", &bundle);
    let crl = mint::write(exchange.dir.path(), "shared-crl.pem", &first);
    let shared = Source { ca, crl: Some(crl) };
    exchange.sources.agencies.insert("school".parse().unwrap(), shared.clone());
    exchange.sources.operators = Some(shared);
    exchange.put_in_force(&bundle, &second);
    exchange.put_in_force(&bundle, &third);
    // A start takes what was in force, though the numbers of one CA differ.
    let marks = CrlMarks::within(exchange.dir.path());
    let trust = Arc::clone(&exchange.trust.borrow());
    marks.note(&trust).unwrap();
    marks.check(&trust).unwrap();
    assert!(matches!(exchange.fault(&bundle, &second), Fault::CrlOlder));
}

/// Whoever revokes a CA while connections are asked anew cuts by what he sees; the rest is found here.
#[tokio::test]
async fn a_ca_revoked_while_connections_are_asked_anew_is_found() {
    let mut exchange = Exchange::open();
    let service = exchange.service();
    let (_client, stream) = exchange.admit(&service).await;
    let key = key_of_authority(&exchange.dir.path().join("police.pem")).unwrap();
    let asked = std::cell::Cell::new(0);
    let bars = || {
        let mut bars = Bars::default();
        if asked.replace(asked.get() + 1) > 0 {
            bars.apply(&Barring::AuthorityRevoked(key), 7);
        }
        Arc::new(bars)
    };
    let trust = Arc::clone(&exchange.trust.borrow());
    assert_eq!(exchange.connections.cut_untrusted(&trust, exchange.clock.now(), bars), 1);
    assert!(stream.peer().connection.is_cut());
}

/// No certificate may be signed with SHA-1, and no list either: it is refused when it is read.
#[tokio::test]
async fn a_list_signed_with_sha1_is_refused() {
    let mut exchange = Exchange::open();
    let dir = tempfile::tempdir().unwrap();
    let made = |md: &str| {
        let script = format!(
            "touch index && echo 01 > number && printf '[ca]\ndefault_ca=x\n[x]\ndatabase=index\n\
             crlnumber=number\ndefault_crl_days=30\ndefault_md={md}\n' > c.cnf && \
             (test -f ca.pem || openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out ca.pem \
             -days 3650 -subj /CN=Old) && openssl ca -config c.cnf -gencrl -keyfile k.pem -cert ca.pem"
        );
        let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir(&dir).output();
        let ran = ran.unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    let (strong, weak) = (made("sha256"), made("sha1"));
    let bundle = std::fs::read_to_string(dir.path().join("ca.pem")).unwrap();
    assert!(matches!(exchange.fault(&bundle, &weak), Fault::CrlSignature));
    exchange.with_lists(&bundle, &strong).unwrap();
}
