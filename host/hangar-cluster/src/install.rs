//! What to type to get PostgreSQL, with the line for this machine first.

/// One system's way to install PostgreSQL: ids as in `/etc/os-release`, name, command.
const WAYS: [(&[&str], &str, &str); 6] = [
    (
        &["debian", "ubuntu"],
        "Debian, Ubuntu",
        "sudo apt-get install postgresql",
    ),
    (
        &["fedora", "rhel", "centos", "amzn"],
        "Fedora, RHEL",
        "sudo dnf install postgresql-server postgresql-contrib",
    ),
    (&["macos"], "macOS (Homebrew)", "brew install postgresql@17"),
    (
        &["alpine"],
        "Alpine",
        "apk add postgresql postgresql-contrib",
    ),
    (&["arch"], "Arch", "sudo pacman -S postgresql"),
    (
        &["suse", "opensuse"],
        "openSUSE",
        "sudo zypper install postgresql-server postgresql-contrib",
    ),
];

/// The commands for all systems, this machine's first, and the way without a local server.
pub(crate) fn instructions() -> String {
    let os_release = if cfg!(target_os = "macos") {
        "ID=macos".to_owned()
    } else {
        std::fs::read_to_string("/etc/os-release").unwrap_or_default()
    };
    instructions_for(&os_release)
}

fn instructions_for(os_release: &str) -> String {
    let ids = system_ids(os_release);
    let mut ways = WAYS.to_vec();
    // Stable: the other systems keep their order.
    ways.sort_by_key(|(of, ..)| !of.iter().any(|id| ids.iter().any(|mine| mine == id)));
    let mut text = String::from("Install it:\n");
    for (_, name, command) in ways {
        text.push_str(&format!("  {command:<55} ({name})\n"));
    }
    text.push_str(
        "If it is installed in an unusual folder, name the folder that holds `postgres` and `initdb` with \
         HANGAR_POSTGRES_BIN or `postgres.bin` in hangar.toml.\n\
         Or use a database that runs elsewhere: --database-url postgres://user@host/database",
    );
    text
}

/// The words of `ID` and `ID_LIKE`.
fn system_ids(os_release: &str) -> Vec<String> {
    let lines = os_release.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(key, _)| matches!(key.trim(), "ID" | "ID_LIKE"))
        .flat_map(|(_, value)| value.trim().trim_matches(['"', '\'']).split_whitespace())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::instructions_for;

    fn first_command(os_release: &str) -> String {
        instructions_for(os_release)
            .lines()
            .nth(1)
            .unwrap_or_default()
            .trim()
            .to_owned()
    }

    #[test]
    fn this_machine_comes_first() {
        assert!(
            first_command("ID=ubuntu\nID_LIKE=debian\n")
                .starts_with("sudo apt-get install postgresql ")
        );
        assert!(
            first_command("NAME=x\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n")
                .starts_with("sudo dnf install")
        );
        assert!(first_command("ID=alpine\n").starts_with("apk add postgresql"));
        assert!(first_command("ID=macos").starts_with("brew install"));
    }

    #[test]
    fn an_unknown_system_sees_every_command() {
        let text = instructions_for("ID=plan9\n");
        for part in [
            "apt-get install",
            "dnf install",
            "brew install",
            "apk add",
            "--database-url",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}
