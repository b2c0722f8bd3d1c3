//! A [`Table`] as the messages of one transaction (include/uapi/linux/netfilter/nf_tables.h).

use std::ffi::{CStr, CString};
use std::net::Ipv4Addr;

use netlink_bindings::nftables::{
    Chained, CmpOps, CtKeys, FibFlags, MetaKeys, Nfgenmsg, PayloadBase, PushExprListAttrs, Registers,
    VerdictCode,
};
use netlink_bindings::traits::Pusher;

use super::{Chain, Expr, Kind, Table};

/// Family `ip` (NFPROTO_IPV4).
const FAMILY: u8 = 2;
/// Resource id of transactions: NFNL_SUBSYS_NFTABLES.
const SUBSYSTEM: u16 = 10;
/// Longest link name with its zero byte; names are compared whole, padded.
const IFNAMSIZ: usize = 16;
/// include/uapi/linux/rtnetlink.h, RTN_LOCAL.
const ADDRESS_TYPE_LOCAL: u32 = 2;
/// NFT_FIB_RESULT_ADDRTYPE. The kernel's specification leaves out the enumeration's first member, so the generated
/// constant is one less and means another thing.
const FIB_RESULT_ADDRESS_TYPE: u32 = 3;
/// NF_CT_STATE_BIT of established and of related.
const CT_ESTABLISHED_OR_RELATED: u32 = 2 | 4;
/// IPS_DST_NAT.
const CT_DST_NAT: u32 = 1 << 5;
/// NFT_NAT_DNAT.
const NAT_DESTINATION: u32 = 1;
const REGISTER: u32 = Registers::Reg1 as u32;
const SECOND_REGISTER: u32 = Registers::Reg2 as u32;

/// A name with a zero byte in it.
pub(super) struct Unnameable(pub String);

pub(super) fn batch_header() -> Nfgenmsg {
    let mut header = Nfgenmsg::new();
    header.set_res_id(SUBSYSTEM);
    header
}

fn header() -> Nfgenmsg {
    Nfgenmsg { nfgen_family: FAMILY, ..Default::default() }
}

/// Removes a table that may not exist: first makes sure that it does.
pub(super) fn remove(batch: &mut Chained<'_>, name: &str) -> Result<(), Unnameable> {
    let name = c(name)?;
    batch.request().set_create().op_newtable_do(&header()).encode().push_name(&name);
    batch.request().op_deltable_do(&header()).encode().push_name(&name);
    Ok(())
}

pub(super) fn replace(batch: &mut Chained<'_>, table: &Table) -> Result<(), Unnameable> {
    remove(batch, &table.name)?;
    let name = c(&table.name)?;
    batch.request().set_create().op_newtable_do(&header()).encode().push_name(&name);
    for chain in &table.chains {
        new_chain(batch, &name, chain)?;
    }
    for chain in &table.chains {
        let chain_name = c(&chain.name)?;
        for rule in &chain.rules {
            let mut request = batch.request().set_create().set_append().op_newrule_do(&header());
            let mut list = request.encode().push_table(&name).push_chain(&chain_name).nested_expressions();
            for expr in rule {
                list = push(list, expr)?;
            }
            list.end_nested();
        }
    }
    Ok(())
}

fn new_chain(batch: &mut Chained<'_>, table: &CStr, chain: &Chain) -> Result<(), Unnameable> {
    let mut request = batch.request().set_create().op_newchain_do(&header());
    let encoder = request.encode().push_table(table).push_name(&c(&chain.name)?);
    if let Some(hook) = chain.hook {
        let kind = match hook.kind {
            Kind::Filter => c"filter",
            Kind::Nat => c"nat",
        };
        encoder
            .nested_hook()
            .push_num(hook.point as u32)
            .push_priority(hook.priority)
            .end_nested()
            .push_policy(VerdictCode::Accept as u32)
            .push_type(kind);
    }
    Ok(())
}

type List<P> = PushExprListAttrs<P>;

fn push<P: Pusher>(list: List<P>, expr: &Expr) -> Result<List<P>, Unnameable> {
    Ok(match expr {
        Expr::InLink { name, is } => link(list, MetaKeys::Iifname, name, *is),
        Expr::OutLink { name, is } => link(list, MetaKeys::Oifname, name, *is),
        // Offsets of RFC 791's header.
        Expr::Source(network, prefix) => address(list, 12, *network, *prefix),
        Expr::Destination(network, prefix) => address(list, 16, *network, *prefix),
        Expr::ToThisHost => {
            let list = list
                .nested_elem()
                .nested_data_fib()
                .push_dreg(REGISTER)
                .push_result(FIB_RESULT_ADDRESS_TYPE)
                .push_flags(FibFlags::Daddr as u32)
                .end_nested()
                .end_nested();
            compare(list, CmpOps::Eq, &ADDRESS_TYPE_LOCAL.to_ne_bytes())
        }
        Expr::ToPort { protocol, port } => {
            let list = meta(list, MetaKeys::L4Proto);
            let list = compare(list, CmpOps::Eq, &[*protocol]);
            let list = payload(list, PayloadBase::TransportHeader, 2, 2);
            compare(list, CmpOps::Eq, &port.to_be_bytes())
        }
        Expr::Established => connection(list, CtKeys::State, CT_ESTABLISHED_OR_RELATED),
        Expr::Redirected => connection(list, CtKeys::Status, CT_DST_NAT),
        Expr::RedirectTo(address, port) => {
            let list = load(list, REGISTER, &address.octets());
            let list = load(list, SECOND_REGISTER, &port.to_be_bytes());
            list.nested_elem()
                .nested_data_nat()
                .push_type(NAT_DESTINATION)
                .push_family(FAMILY.into())
                .push_reg_addr_min(REGISTER)
                .push_reg_proto_min(SECOND_REGISTER)
                .end_nested()
                .end_nested()
        }
        // No attributes; the kernel's specification has no word for it either.
        Expr::Masquerade => list.nested_elem().push_name(c"masq").end_nested(),
        Expr::Jump(chain) => verdict(list, VerdictCode::Jump, Some(&c(chain)?)),
        Expr::Accept => verdict(list, VerdictCode::Accept, None),
        Expr::Drop => verdict(list, VerdictCode::Drop, None),
    })
}

fn link<P: Pusher>(list: List<P>, key: MetaKeys, name: &str, is: bool) -> List<P> {
    let mut padded = [0; IFNAMSIZ];
    for (to, from) in padded.iter_mut().zip(name.bytes().take(IFNAMSIZ - 1)) {
        *to = from;
    }
    compare(meta(list, key), if is { CmpOps::Eq } else { CmpOps::Neq }, &padded)
}

fn address<P: Pusher>(list: List<P>, offset: u32, network: Ipv4Addr, prefix: u8) -> List<P> {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
    let list = payload(list, PayloadBase::NetworkHeader, offset, 4);
    let list = if prefix < 32 { masked(list, &mask.to_be_bytes()) } else { list };
    compare(list, CmpOps::Eq, &(network.to_bits() & mask).to_be_bytes())
}

/// Any of `bits` is set in what connection tracking knows.
fn connection<P: Pusher>(list: List<P>, key: CtKeys, bits: u32) -> List<P> {
    let list = list
        .nested_elem()
        .nested_data_ct()
        .push_dreg(REGISTER)
        .push_key(key as u32)
        .end_nested()
        .end_nested();
    compare(masked(list, &bits.to_ne_bytes()), CmpOps::Neq, &[0; 4])
}

fn meta<P: Pusher>(list: List<P>, key: MetaKeys) -> List<P> {
    list.nested_elem().nested_data_meta().push_dreg(REGISTER).push_key(key as u32).end_nested().end_nested()
}

fn payload<P: Pusher>(list: List<P>, base: PayloadBase, offset: u32, length: u32) -> List<P> {
    list.nested_elem()
        .nested_data_payload()
        .push_dreg(REGISTER)
        .push_base(base as u32)
        .push_offset(offset)
        .push_len(length)
        .end_nested()
        .end_nested()
}

/// Keeps of the register what `mask` has.
fn masked<P: Pusher>(list: List<P>, mask: &[u8; 4]) -> List<P> {
    list.nested_elem()
        .nested_data_bitwise()
        .push_sreg(REGISTER)
        .push_dreg(REGISTER)
        .push_len(4)
        .nested_mask()
        .push_value(mask)
        .end_nested()
        .nested_xor()
        .push_value(&[0; 4])
        .end_nested()
        .end_nested()
        .end_nested()
}

fn compare<P: Pusher>(list: List<P>, op: CmpOps, with: &[u8]) -> List<P> {
    list.nested_elem()
        .nested_data_cmp()
        .push_sreg(REGISTER)
        .push_op(op as u32)
        .nested_data()
        .push_value(with)
        .end_nested()
        .end_nested()
        .end_nested()
}

fn load<P: Pusher>(list: List<P>, register: u32, value: &[u8]) -> List<P> {
    list.nested_elem()
        .nested_data_immediate()
        .push_dreg(register)
        .nested_data()
        .push_value(value)
        .end_nested()
        .end_nested()
        .end_nested()
}

fn verdict<P: Pusher>(list: List<P>, code: VerdictCode, chain: Option<&CStr>) -> List<P> {
    let verdict = list
        .nested_elem()
        .nested_data_immediate()
        .push_dreg(Registers::RegVerdict as u32)
        .nested_data()
        .nested_verdict()
        .push_code(code as u32);
    let verdict = match chain {
        Some(chain) => verdict.push_chain(chain),
        None => verdict,
    };
    verdict.end_nested().end_nested().end_nested().end_nested()
}

fn c(name: &str) -> Result<CString, Unnameable> {
    CString::new(name).map_err(|_| Unnameable(name.to_owned()))
}
