//! Functions of one row, by name.

use hangar_model::sql::literal;

use crate::Error;
use crate::arithmetic::number_type;
use crate::compare::compare;
use crate::functions::{extreme, first_of, time};
use crate::value::{Literal, Ty, Value, unify};

/// The call, or nothing if there is no such function.
pub(crate) fn translate(name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let text = |sql: String| Value::new(sql, Ty::Text);
    let int = |sql: String| Value::new(sql, Ty::Int);
    let real = |sql: String| Value::new(sql, Ty::Real);
    let value = match (name, args) {
        ("coalesce" | "ifnull", [_, _, ..]) => first_of(args),
        ("iif" | "if", [condition, rest @ ..]) if matches!(rest.len(), 1 | 2) => {
            let ty = unify(rest);
            let otherwise = rest
                .get(1)
                .map(|value| format!(" ELSE {}", value.to(ty)))
                .unwrap_or_default();
            let sql = format!(
                "(CASE WHEN {} THEN {}{otherwise} END)",
                condition.boolean(),
                rest[0].to(ty)
            );
            Value::new(sql, ty)
        }
        ("nullif", [a, b]) => {
            let sql = format!(
                "(CASE WHEN {} THEN NULL ELSE {} END)",
                compare("=", a, b),
                a.sql
            );
            Value::new(sql, a.ty)
        }
        ("min" | "max", [_, _, ..]) => extreme(name, args),
        ("abs", [a]) => Value::new(format!("abs({})", a.number()), number_type(a)),
        ("round", [a]) => real(format!("hangar_fn.round_half_up({}, 0)", a.number())),
        ("round", [a, digits]) => real(format!(
            "hangar_fn.round_half_up({}, ({})::int)",
            a.number(),
            digits.number()
        )),
        ("ceil" | "ceiling" | "floor" | "trunc", [a]) => {
            Value::new(format!("{name}({})", a.number()), number_type(a))
        }
        ("sign", [a]) => int(format!("sign({})", a.number())),
        ("pow" | "power", [a, b]) => real(format!("power({}, {})", a.number(), b.number())),
        ("mod", [a, b]) => real(format!(
            "hangar_fn.remainder({}, {})",
            a.number(),
            b.number()
        )),
        ("sqrt", [a]) => real(format!(
            "(CASE WHEN {} >= 0 THEN sqrt({}) END)",
            a.number(),
            a.number()
        )),
        ("ln", [a]) => real(format!("(CASE WHEN {0} > 0 THEN ln({0}) END)", a.number())),
        ("log" | "log10", [a]) => {
            real(format!("(CASE WHEN {0} > 0 THEN log({0}) END)", a.number()))
        }
        ("exp" | "sin" | "cos" | "tan" | "asin" | "acos" | "atan" | "radians" | "degrees", [a]) => {
            real(format!("{name}({})", a.number()))
        }
        ("pi", []) => real("pi()".to_owned()),
        ("random", []) => int("((random() - 0.5) * 9e18)::bigint".to_owned()),
        ("length" | "char_length" | "octet_length", [a]) => {
            let function = if name == "octet_length" {
                name
            } else {
                "char_length"
            };
            int(format!("{function}({})", a.text()))
        }
        ("lower" | "upper", [a]) => text(format!("{name}(({}) COLLATE \"C\")", a.text())),
        ("trim", [a]) => text(format!("btrim({})", a.text())),
        ("trim", [a, b]) => text(format!("btrim({}, {})", a.text(), b.text())),
        ("ltrim" | "rtrim", [a]) => text(format!("{name}({})", a.text())),
        ("ltrim" | "rtrim", [a, b]) => text(format!("{name}({}, {})", a.text(), b.text())),
        ("substr" | "substring", [a, from]) => text(format!(
            "hangar_fn.substr({}, ({})::int, NULL)",
            a.text(),
            from.number()
        )),
        ("substr" | "substring", [a, from, length]) => text(format!(
            "hangar_fn.substr({}, ({})::int, ({})::int)",
            a.text(),
            from.number(),
            length.number()
        )),
        ("replace", [a, from, to]) => text(format!(
            "replace({}, {}, {})",
            a.text(),
            from.text(),
            to.text()
        )),
        ("instr", [a, part]) => int(format!("strpos({}, {})", a.text(), part.text())),
        ("char", [_, ..]) => {
            let letters: Vec<String> = args
                .iter()
                .map(|code| format!("chr(({})::int)", code.number()))
                .collect();
            text(format!("concat({})", letters.join(", ")))
        }
        ("unicode", [a]) => int(format!("nullif(ascii({}), 0)", a.text())),
        ("hex", [a]) => text(format!(
            "upper(encode(convert_to({}, 'UTF8'), 'hex'))",
            a.text()
        )),
        ("quote", [a]) => text(match a.ty {
            Ty::Null => "'NULL'::text".to_owned(),
            _ if a.is_number() => a.text(),
            _ => format!(
                "coalesce('''' || replace({}, '''', '''''') || '''', 'NULL')",
                a.text()
            ),
        }),
        ("concat", [_, ..]) => {
            let parts: Vec<String> = args.iter().map(Value::text).collect();
            text(format!("concat({})", parts.join(", ")))
        }
        ("concat_ws", [_, _, ..]) => {
            let parts: Vec<String> = args.iter().map(Value::text).collect();
            text(format!("concat_ws({})", parts.join(", ")))
        }
        ("printf" | "format", [format, values @ ..]) => {
            let parts: Vec<String> = values.iter().map(Value::scalar).collect();
            text(format!(
                "hangar_fn.printf({}, ARRAY[{}]::jsonb[])",
                format.text(),
                parts.join(", ")
            ))
        }
        ("typeof", [a]) => text(type_name(a)),
        ("date", _) => text(time(&literal("%Y-%m-%d"), args)),
        ("time", _) => text(time(&literal("%H:%M:%S"), args)),
        ("datetime", _) => text(time(&literal("%Y-%m-%d %H:%M:%S"), args)),
        ("julianday", _) => real(format!("({})::float8", time(&literal("%J"), args))),
        ("unixepoch", _) => int(format!("({})::float8", time(&literal("%s"), args))),
        ("strftime", [format, rest @ ..]) => text(time(&format.text(), rest)),
        ("json", [a]) => Value::json(a.document()),
        ("json_valid", [a]) => match a.ty {
            Ty::Json | Ty::Point => Value::new(format!("({} IS NOT NULL)", a.sql), Ty::Bool),
            _ => Value::new(format!("hangar_fn.json_valid({})", a.text()), Ty::Bool),
        },
        ("json_quote", [a]) => Value::json(a.element()),
        ("json_type", [a]) => text(format!("hangar_fn.json_type({})", a.document())),
        ("json_array_length", [a]) => int(format!("hangar_fn.json_array_length({})", a.document())),
        ("json_array", _) => {
            let parts: Vec<String> = args.iter().map(Value::element).collect();
            Value::json(format!("jsonb_build_array({})", parts.join(", ")))
        }
        ("json_object", _) if args.len().is_multiple_of(2) => {
            let parts: Vec<String> = args
                .chunks(2)
                .map(|pair| format!("{}, {}", pair[0].text(), pair[1].element()))
                .collect();
            Value::json(format!("jsonb_build_object({})", parts.join(", ")))
        }
        ("likely" | "unlikely", [a]) => a.clone(),
        ("likelihood", [a, _]) => a.clone(),
        _ => return Ok(None),
    };
    Ok(Some(value))
}

fn type_name(value: &Value) -> String {
    let sql = &value.sql;
    let (name, test) = match value.ty {
        Ty::Null => return "'null'::text".to_owned(),
        Ty::Int | Ty::Bool => ("'integer'", sql),
        Ty::Real => ("'real'", sql),
        Ty::Num => {
            return format!(
                "(CASE WHEN {sql} IS NULL THEN 'null' WHEN {sql} = trunc({sql}) THEN 'integer' ELSE 'real' END)"
            );
        }
        Ty::Scalar => {
            return format!(
                "(CASE WHEN {sql} IS NULL THEN 'null' WHEN jsonb_typeof({sql}) = 'string' THEN 'text' \
                 WHEN hangar_fn.to_number({sql}) = trunc(hangar_fn.to_number({sql})) THEN 'integer' ELSE 'real' END)"
            );
        }
        // A number in a column of numeric affinity is one.
        Ty::Json => {
            return format!(
                "(CASE WHEN {sql} IS NULL THEN 'null' WHEN jsonb_typeof({sql}) = 'number' \
                 THEN hangar_fn.json_type({sql}) ELSE 'text' END)"
            );
        }
        _ => ("'text'", &value.text()),
    };
    if value
        .literal
        .as_ref()
        .is_some_and(|literal| matches!(literal, Literal::Text(_)))
    {
        return "'text'::text".to_owned();
    }
    format!("(CASE WHEN {test} IS NULL THEN 'null' ELSE {name} END)")
}
