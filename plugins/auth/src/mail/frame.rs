//! The HTML page around the body of a mail: plain type, a button for the links of class `btn`.

const BEFORE: &str = r#"<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { margin: 0; padding: 24px; background: #fff; color: #1b1d21; font: 15px/22px system-ui, sans-serif; }
p { margin: 12px 0; }
a { color: inherit; }
hr { border: 0; border-top: 1px solid #dde1e6; }
p.alert { padding: 12px; border-radius: 6px; background: #eef0f3; white-space: pre-wrap; }
.hidden { display: none !important; }
.btn { display: inline-block; min-width: 140px; padding: 10px 20px; border-radius: 6px; text-align: center;
  background: #1b1d21 !important; color: #fff !important; font-weight: bold; text-decoration: none !important; }
</style>
</head>
<body>
"#;
const AFTER: &str = "\n</body>\n</html>\n";

/// The page.
pub fn around(body: &str) -> String {
    format!("{BEFORE}{body}{AFTER}")
}
