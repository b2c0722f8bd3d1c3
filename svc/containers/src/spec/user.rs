//! Who a container runs as: the settings' numbers, or the image's `USER`, looked up in the image's own files.
//!
//! The files are an image's, so anything may be in them: lines that make no sense are passed over, the first
//! match counts, and a name that is not there is an error, never root.

use settings::containers;

use super::types::User;

/// A user that the image does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A user name without a line in the image's passwd.
    #[error("the image has no user {0}")]
    NoUser(String),
    /// A group name without a line in the image's group.
    #[error("the image has no group {0}")]
    NoGroup(String),
}

/// Whether [`resolve`] will look into the image's files.
pub fn needs_files(setting: Option<&containers::User>, image: &str) -> bool {
    setting.is_none() && !image.is_empty()
}

/// The user of a container: `setting`, else the image's (`user`, `uid`, `user:group`, `uid:gid`, or empty for
/// root).
pub fn resolve(
    setting: Option<&containers::User>,
    image: &str,
    passwd: &str,
    group: &str,
) -> Result<User, Error> {
    if let Some(user) = setting {
        return Ok(User { uid: user.uid, gid: user.gid.unwrap_or(user.uid), additional_gids: Vec::new() });
    }
    if image.is_empty() {
        return Ok(User::default());
    }
    let (name, group_name) = match image.split_once(':') {
        Some((name, group_name)) => (name, Some(group_name)),
        None => (image, None),
    };
    let account = accounts(passwd).find(|account| account.name == name || name.parse() == Ok(account.uid));
    let uid = match (&account, name.parse()) {
        (Some(account), _) => account.uid,
        (None, Ok(uid)) => uid,
        (None, Err(_)) => return Err(Error::NoUser(name.to_owned())),
    };
    if let Some(group_name) = group_name.filter(|name| !name.is_empty()) {
        let found = groups(group).find(|group| group.name == group_name).map(|group| group.gid);
        let gid =
            found.or_else(|| group_name.parse().ok()).ok_or_else(|| Error::NoGroup(group_name.to_owned()))?;
        return Ok(User { uid, gid, additional_gids: Vec::new() });
    }
    let Some(account) = account else { return Ok(User { uid, ..User::default() }) };
    let member =
        |group: &Group<'_>| group.gid != account.gid && group.members.split(',').any(|it| it == account.name);
    let mut additional_gids: Vec<u32> = groups(group).filter(member).map(|group| group.gid).collect();
    additional_gids.sort_unstable();
    additional_gids.dedup();
    Ok(User { uid, gid: account.gid, additional_gids })
}

struct Account<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
}

struct Group<'a> {
    name: &'a str,
    gid: u32,
    members: &'a str,
}

/// The lines of passwd(5).
fn accounts(passwd: &str) -> impl Iterator<Item = Account<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, uid, gid) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        Some(Account { name, uid: uid.parse().ok()?, gid: gid.parse().ok()? })
    })
}

/// The lines of group(5).
fn groups(group: &str) -> impl Iterator<Item = Group<'_>> {
    group.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _, gid, members) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        Some(Group { name, gid: gid.parse().ok()?, members: members.trim() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nbroken\nwww:x:33:34::/:/bin/false\nodd:x:-1:0:::\nwww:x:0:0:::\n";
    const GROUP: &str = "root:x:0:\nwww:x:34:www\nlogs:x:4:syslog,www\nplug:x:46:www\nother:x:9:wwww\n";

    fn of(image: &str) -> Result<(u32, u32, Vec<u32>), Error> {
        resolve(None, image, PASSWD, GROUP).map(|user| (user.uid, user.gid, user.additional_gids))
    }

    #[test]
    fn settings_win_over_the_image() {
        let setting = containers::User { uid: 1000, gid: None };
        let user = resolve(Some(&setting), "www", PASSWD, GROUP).unwrap();
        assert_eq!((user.uid, user.gid), (1000, 1000));
    }

    #[test]
    fn names_and_numbers_are_looked_up_in_the_image() {
        assert_eq!(of(""), Ok((0, 0, vec![])));
        assert_eq!(of("www"), Ok((33, 34, vec![4, 46])), "the first line of a name counts");
        assert_eq!(of("33"), Ok((33, 34, vec![4, 46])));
        assert_eq!(of("www:logs"), Ok((33, 4, vec![])));
        assert_eq!(of("www:77"), Ok((33, 77, vec![])));
        assert_eq!(of("7:8"), Ok((7, 8, vec![])));
        assert_eq!(of("7"), Ok((7, 0, vec![])), "as Docker has it");
    }

    #[test]
    fn an_unknown_name_never_becomes_root() {
        assert_eq!(of("odd"), Err(Error::NoUser("odd".into())));
        assert_eq!(of("nobody"), Err(Error::NoUser("nobody".into())));
        assert_eq!(of("www:nogroup"), Err(Error::NoGroup("nogroup".into())));
        assert_eq!(of(":"), Err(Error::NoUser(String::new())));
        assert_eq!(of("-1"), Err(Error::NoUser("-1".into())));
    }
}
