//! Arguments of a command.

/// What follows the name of a command, options apart.
#[derive(Debug, Default, PartialEq)]
pub struct Arguments {
    /// In order.
    pub plain: Vec<String>,
    options: Vec<(String, String)>,
}

/// Sorts arguments and options. The host has checked both against the manifest.
pub fn read(arguments: &[String]) -> Arguments {
    let mut read = Arguments::default();
    for argument in arguments {
        match argument.strip_prefix("--") {
            Some(option) => {
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                read.options.push((name.to_owned(), value.to_owned()));
            }
            None => read.plain.push(argument.clone()),
        }
    }
    read
}

impl Arguments {
    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The value of an option.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut given = self.options.iter();
        given
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_told_from_arguments() {
        let given = ["dir", "--dry-run", "--encryption-env=a=b"].map(str::to_owned);
        let read = read(&given);
        assert_eq!(read.plain, ["dir"]);
        assert!(read.has("dry-run") && !read.has("force"));
        assert_eq!(read.value("encryption-env"), Some("a=b"));
    }
}
