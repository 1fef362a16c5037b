//! What a rule may look at beyond what the schema says: time only as the broker remembers answers by it. Also
//! tells whether rules know agencies by name. It reads a rule's tree and decides nothing.

use cedar_policy::Policy;
use serde_json::Value;

/// What is said of a rule that turns at a moment that no window knows.
const TURNS: &str = "context.now may only be held against a moment as \"before it\" or \"from it on\", and the \
    moments are context.starts, context.ends and context.passage.sender.policyDocumentUntil: an answer would be \
    remembered beyond any other";

/// Comparisons that are "before" or "from on", with the sides on which now and the moment stand.
const COMPARISONS: [(&str, &str, &str); 4] = [
    ("<", "left", "right"),
    (">=", "left", "right"),
    (">", "right", "left"),
    ("<=", "right", "left"),
];
/// The moments that [`Window`](crate::policy::window::Window) looks at.
const MOMENTS: [&[&str]; 3] =
    [&["starts"], &["ends"], &["passage", "sender", "policyDocumentUntil"]];

/// Checks that time turns a rule only at moments that answers are remembered by; tells whether the rule knows
/// an agency by name.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn check(policy: &Policy) -> Result<bool, String> {
    let tree = policy.to_json().map_err(|error| error.to_string())?;
    if !is_timeless(&tree) {
        return Err(TURNS.to_owned());
    }
    Ok(names_agency(&tree))
}

/// Tells whether now stands nowhere but in such comparisons. The context as a whole holds it too.
fn is_timeless(tree: &Value) -> bool {
    match tree {
        Value::Array(parts) => parts.iter().all(is_timeless),
        Value::Object(parts) => {
            if COMPARISONS.iter().any(|comparison| is_of_moment(tree, *comparison)) {
                return true;
            }
            if let Some(path) = path(tree) {
                return !path.is_empty() && path.first() != Some(&"now");
            }
            parts.iter().all(|(operator, part)| {
                let of_context =
                    operator == "has" && part.get("left").and_then(path) == Some(Vec::new());
                of_context || is_timeless(part)
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn is_of_moment(tree: &Value, (operator, now, moment): (&str, &str, &str)) -> bool {
    let Some(sides) = tree.get(operator) else { return false };
    let is_moment = |path: Vec<&str>| MOMENTS.contains(&path.as_slice());
    sides.get(now).and_then(path).is_some_and(|path| path == ["now"])
        && sides.get(moment).and_then(path).is_some_and(is_moment)
}

/// Returns the names after `context`; nothing for an expression that is no such path.
fn path(tree: &Value) -> Option<Vec<&str>> {
    if tree.get("Var").and_then(Value::as_str) == Some("context") {
        return Some(Vec::new());
    }
    let step = tree.get(".")?;
    let mut path = path(step.get("left")?)?;
    path.push(step.get("attr")?.as_str()?);
    Some(path)
}

fn names_agency(tree: &Value) -> bool {
    match tree {
        Value::Array(parts) => parts.iter().any(names_agency),
        Value::Object(parts) => {
            parts.get("type").is_some_and(|it| it == "Agency") || parts.values().any(names_agency)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
