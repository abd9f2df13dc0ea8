//! Random schemas, data and rules.

use serde_json::{Value as Json, json};

/// A small generator of numbers: the same seed gives the same test.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap_or(0) % bound
    }

    pub fn one<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// A field as the generator knows it.
#[derive(Clone)]
struct Made {
    name: String,
    kind: &'static str,
    multiple: bool,
    target: usize,
}

/// A schema with its data.
pub struct World {
    pub seed: Json,
    names: Vec<String>,
    fields: Vec<Vec<Made>>,
}

const KINDS: [&str; 13] = [
    "text", "editor", "number", "bool", "email", "url", "date", "select", "relation", "relation",
    "json", "geoPoint", "file",
];
const TEXTS: [&str; 12] = [
    "", "a", "A", "b", "ab", "7", "7.0", "1", "true", "x_y", "50%", "é",
];
const DATES: [&str; 5] = [
    "",
    "2024-01-02 03:04:05.678Z",
    "2024-01-02 00:00:00.000Z",
    "1999-12-31 23:59:59.999Z",
    "2031-06-15 12:00:00.000Z",
];

impl World {
    /// Collection 0 is `people`, who can sign in; the others have names with a number.
    pub fn new(random: &mut Random, round: usize) -> World {
        let count = 3 + random.below(2);
        let name = |at: usize| match at {
            0 => format!("people{round}"),
            _ => format!("c{round}x{at}"),
        };
        let names: Vec<String> = (0..count).map(name).collect();
        let mut fields: Vec<Vec<Made>> = Vec::new();
        for at in 0..count {
            let many = 3 + random.below(5);
            let mut own: Vec<Made> = (0..many)
                .map(|number| {
                    let kind = random.one(&KINDS);
                    Made {
                        name: format!("{}{number}", &kind[..1]),
                        kind,
                        multiple: matches!(kind, "select" | "relation" | "file")
                            && random.chance(2),
                        target: random.below(at + 1),
                    }
                })
                .collect();
            if at == 0 {
                // An auth collection has these names already.
                own.retain(|field| field.kind != "email");
            }
            fields.push(own);
        }
        let mut records = Vec::new();
        let mut ids: Vec<Vec<String>> = vec![Vec::new(); count];
        for at in 0..count {
            for number in 0..4 + random.below(5) {
                // Ids are unique among all that can sign in.
                let of = if at == 0 && round > 0 {
                    round.to_string()
                } else {
                    String::new()
                };
                let id = format!("{}{at}{number}rec{of}", (b'a' + number as u8) as char);
                let mut record = json!({"id": id});
                for field in &fields[at] {
                    record[&field.name] = value(random, field, &ids);
                }
                if at == 0 {
                    record["email"] = format!("{id}@example.com").into();
                    record["emailVisibility"] = random.chance(2).into();
                    record["verified"] = random.chance(2).into();
                    record["password"] = "1234567890".into();
                    record["passwordConfirm"] = "1234567890".into();
                }
                records.push(json!([names[at], record]));
                ids[at].push(id);
            }
        }
        let tables = (0..count).map(|at| definition(at, &names, &fields[at]));
        let views = (0..count).map(|at| view(at, &names, &fields[at]));
        let collections: Vec<Json> = tables.chain(views).collect();
        World {
            seed: json!({"collections": collections, "records": records}),
            names,
            fields,
        }
    }

    /// Name of the view that shows the records of a collection, with all fields that the generator has made.
    pub fn view(&self, at: usize) -> String {
        view_name(&self.names[at])
    }

    /// Name of a random collection, with its number.
    pub fn collection(&self, random: &mut Random) -> (usize, &str) {
        let at = random.below(self.names.len());
        (at, &self.names[at])
    }

    pub fn people(&self) -> &str {
        &self.names[0]
    }

    /// A rule of a collection. Not every one is valid.
    pub fn rule(&self, random: &mut Random, at: usize) -> String {
        let mut text = self.comparison(random, at);
        for _ in 0..random.below(3) {
            let join = random.one(&["&&", "||"]);
            let next = self.comparison(random, at);
            text = if random.chance(3) {
                format!("({text}) {join} {next}")
            } else {
                format!("{text} {join} {next}")
            };
        }
        text
    }

    fn comparison(&self, random: &mut Random, at: usize) -> String {
        let operator = random.one(&[
            "=", "=", "!=", "!=", ">", ">=", "<", "<=", "~", "!~", "?=", "?!=", "?>", "?<=", "?~",
            "?!~",
        ]);
        let left = if random.chance(5) {
            self.special(random, at)
        } else {
            self.path(random, at, 0)
        };
        let right = match random.below(6) {
            0 => self.path(random, at, 0),
            1 | 2 => self.special(random, at),
            _ => literal(random),
        };
        // What PocketBase has its own way with: docs/differences.md.
        for (one, other) in [(&left, &right), (&right, &left)] {
            if one.ends_with(":isset") && !other.ends_with(":isset") {
                return format!("{one} = {}", random.one(&["true", "false", "1", "0"]));
            }
        }
        let whole = |side: &str| {
            side.starts_with("strftime")
                || side.starts_with("@request.body") && side.ends_with(":each")
        };
        let odd = |side: &str| whole(side) && operator.contains('~');
        let right = match odd(&left) && odd(&right) {
            true => literal(random),
            false => right,
        };
        if !odd(&left) && (odd(&right) || random.chance(6)) {
            format!("{right} {operator} {left}")
        } else {
            format!("{left} {operator} {right}")
        }
    }

    /// A path from a collection.
    fn path(&self, random: &mut Random, at: usize, depth: usize) -> String {
        if depth < 3 && random.chance(7) {
            // Backwards from some collection that points here.
            let pointing: Vec<(usize, &Made)> = self
                .fields
                .iter()
                .enumerate()
                .flat_map(|(from, fields)| fields.iter().map(move |field| (from, field)))
                .filter(|(_, field)| field.kind == "relation" && field.target == at)
                .collect();
            if !pointing.is_empty() {
                let (from, field) = pointing[random.below(pointing.len())];
                let rest = self.path(random, from, depth + 1);
                return format!("{}_via_{}.{rest}", self.names[from], field.name);
            }
        }
        if random.chance(10) {
            return "id".to_owned();
        }
        let fields = &self.fields[at];
        if fields.is_empty() {
            return "id".to_owned();
        }
        let field = &fields[random.below(fields.len())];
        let name = &field.name;
        match field.kind {
            "relation" if depth < 3 && !random.chance(4) => {
                format!("{name}.{}", self.path(random, field.target, depth + 1))
            }
            "json" if !random.chance(3) => {
                format!("{name}.{}", random.one(&["a", "b", "0", "1", "a.0", "c.d"]))
            }
            "geoPoint" if !random.chance(3) => {
                format!("{name}.{}", random.one(&["lon", "lat", "x"]))
            }
            "select" | "relation" | "file" if random.chance(2) => {
                format!("{name}:{}", random.one(&["each", "length"]))
            }
            "text" | "select" if random.chance(6) => format!("{name}:lower"),
            "date" if random.chance(4) => {
                format!("strftime('{}', {name})", random.one(&["%Y", "%m-%d", "%H"]))
            }
            _ => name.clone(),
        }
    }

    /// What the request has, the clock, another collection.
    fn special(&self, random: &mut Random, at: usize) -> String {
        match random.below(11) {
            0..=2 => "@request.auth.id".to_owned(),
            3 | 4 => format!("@request.auth.{}", self.path(random, 0, 1)),
            5 => random
                .one(&[
                    "@request.auth.email",
                    "@request.auth.verified",
                    "@request.auth.collectionName",
                ])
                .to_owned(),
            6 => random
                .one(&[
                    "@request.query.q",
                    "@request.query.none",
                    "@request.query.perPage",
                    "@request.method",
                    "@request.headers.x_token",
                    "@request.body.x",
                    "@request.query.q:isset",
                ])
                .to_owned(),
            7 => random
                .one(&["@now", "@todayStart", "@yearEnd", "@year", "@monthStart"])
                .to_owned(),
            8 => self.submitted(random, at),
            9 => {
                let other = random.below(self.names.len());
                // An alias belongs to one collection: docs/differences.md.
                let alias = match random.one(&["", ":k", ":m"]) {
                    "" => String::new(),
                    alias => format!("{alias}{other}"),
                };
                format!(
                    "@collection.{}{alias}.{}",
                    self.names[other],
                    self.path(random, other, 2)
                )
            }
            _ => self.path(random, at, 0),
        }
    }

    /// What is submitted for a field: in a list nothing is, which must let nobody pass.
    fn submitted(&self, random: &mut Random, at: usize) -> String {
        let fields = &self.fields[at];
        if fields.is_empty() {
            return "@request.body.id".to_owned();
        }
        let field = &fields[random.below(fields.len())];
        let name = &field.name;
        match field.kind {
            "select" | "relation" | "file" if !random.chance(3) => {
                let modifier = random.one(&["each", "each", "length"]);
                format!("@request.body.{name}:{modifier}")
            }
            _ => format!(
                "@request.body.{name}{}",
                random.one(&["", ":lower", ":isset"])
            ),
        }
    }
}

fn literal(random: &mut Random) -> String {
    match random.below(8) {
        0 => random.one(&["null", "true", "false"]).to_owned(),
        1 | 2 => random.one(&["0", "1", "7", "-2.5", "2024"]).to_owned(),
        3 => format!("'{}'", random.one(&DATES)),
        4 => format!(
            "'{}'",
            random.one(&[
                "2024",
                "2024-01-02",
                "%0%",
                "a%",
                "[\"a\"]",
                "[]",
                "{\"lon\":1,\"lat\":2}"
            ])
        ),
        5 => format!(
            "'{}'",
            random.one(&["a00rec", "b00rec", "a10rec", "b20rec"])
        ),
        _ => format!("'{}'", random.one(&TEXTS)),
    }
}

fn value(random: &mut Random, field: &Made, ids: &[Vec<String>]) -> Json {
    match field.kind {
        "text" | "editor" => random.one(&TEXTS).into(),
        "number" => [
            json!(0),
            json!(1),
            json!(7),
            json!(-2.5),
            json!(2024),
            json!(0.1),
        ][random.below(6)]
        .clone(),
        "bool" => random.chance(2).into(),
        "email" => random.one(&["", "a@example.com", "B@example.com"]).into(),
        "url" => random
            .one(&["", "https://example.com/a_b", "http://a.example"])
            .into(),
        "date" => random.one(&DATES).into(),
        "json" => [
            json!(null),
            json!(7),
            json!("7"),
            json!(true),
            json!("a"),
            json!([1, "a", null]),
            json!({"a": 1, "b": "x"}),
            json!({"a": [7, "b"], "c": {"d": "a"}}),
            json!(""),
            json!([]),
        ][random.below(10)]
        .clone(),
        "geoPoint" => {
            let (lon, lat) = ([0, 1, -120][random.below(3)], [0, 2, 45][random.below(3)]);
            json!({"lon": lon, "lat": lat})
        }
        "select" => several(random, field, &["a", "b", "7", "true"].map(str::to_owned)),
        "relation" => several(random, field, &ids[field.target]),
        // Files need uploads.
        _ if field.multiple => json!([]),
        _ => json!(""),
    }
}

fn several(random: &mut Random, field: &Made, of: &[String]) -> Json {
    if of.is_empty() || random.chance(4) {
        return if field.multiple { json!([]) } else { json!("") };
    }
    if !field.multiple {
        return of[random.below(of.len())].as_str().into();
    }
    let mut chosen: Vec<&str> = Vec::new();
    for _ in 0..1 + random.below(3) {
        let one = of[random.below(of.len())].as_str();
        if !chosen.contains(&one) {
            chosen.push(one);
        }
    }
    json!(chosen)
}

fn view_name(collection: &str) -> String {
    format!("see_{collection}")
}

fn view(at: usize, names: &[String], fields: &[Made]) -> Json {
    let columns: Vec<&str> = std::iter::once("id")
        .chain(fields.iter().map(|field| field.name.as_str()))
        .collect();
    let name = view_name(&names[at]);
    let mut view = definition(at, names, fields);
    view["viewQuery"] = format!("SELECT {} FROM {}", columns.join(", "), names[at]).into();
    view["id"] = format!("id_{name}").into();
    view["name"] = name.into();
    view["type"] = "view".into();
    view
}

fn definition(at: usize, names: &[String], fields: &[Made]) -> Json {
    let mut all = vec![json!({
        "id": "text3208210256", "name": "id", "type": "text", "system": true, "primaryKey": true, "required": true,
        "min": 1, "max": 30, "pattern": "^[a-z0-9]+$", "autogeneratePattern": "[a-z0-9]{15}",
    })];
    for field in fields {
        let mut one =
            json!({"id": format!("f{}", field.name), "name": field.name, "type": field.kind});
        if field.multiple {
            one["maxSelect"] = 4.into();
        }
        match field.kind {
            "select" => one["values"] = json!(["a", "b", "7", "true"]),
            "relation" => one["collectionId"] = format!("id_{}", names[field.target]).into(),
            _ => {}
        }
        if !field.multiple && matches!(field.kind, "select" | "relation" | "file") {
            one["maxSelect"] = 1.into();
        }
        all.push(one);
    }
    json!({
        "id": format!("id_{}", names[at]), "name": names[at], "type": if at == 0 { "auth" } else { "base" },
        "fields": all, "listRule": "", "viewRule": "", "createRule": null, "updateRule": null, "deleteRule": null, "indexes": [],
    })
}
