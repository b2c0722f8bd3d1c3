//! Module parameters on the kernel's command line.

use alloc::string::String;

use crate::Name;

/// The parameters for `module` among `module.name=value` words, as finit_module(2) takes them.
///
/// The kernel applies such words to what is built in only; for a module somebody has to hand them over. Quotes
/// stay: the kernel's own parser understands them.
pub fn parameters(command_line: &str, module: &Name) -> String {
    let mut given = String::new();
    for word in words(command_line) {
        // Everything after ` -- ` belongs to init, not to the kernel.
        if word == "--" {
            break;
        }
        let Some((owner, parameter)) = word.split_once('.') else { continue };
        if parameter.is_empty() || Name::new(owner).as_ref() != Ok(module) {
            continue;
        }
        if !given.is_empty() {
            given.push(' ');
        }
        given.push_str(parameter);
    }
    given
}

/// Splits at blanks outside of double quotes.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    line.split(move |letter: char| {
        quoted ^= letter == '"';
        letter.is_ascii_whitespace() && !quoted
    })
    .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::parameters;
    use crate::Name;

    #[test]
    fn words_of_the_module_are_handed_over_and_others_not() {
        let line = "quiet dm_verity.require_signatures=1 dm-verity.prefetch_cluster=4 virtio_blk.num_request_queues=1 \
                    dm_verity. a.b=\"x dm_verity.c=1 y\" -- dm_verity.late=1\n";
        let of = |name: &str| parameters(line, &Name::new(name).unwrap());
        assert_eq!(of("dm-verity"), "require_signatures=1 prefetch_cluster=4");
        assert_eq!(of("virtio_blk"), "num_request_queues=1");
        assert_eq!(of("a"), "b=\"x dm_verity.c=1 y\"");
        assert_eq!(of("erofs"), "");
    }
}
