// The form for the first superuser, shown for links of the form #/pbinstall/TOKEN, and the ends of logins through other
// services.
"use strict";

const form = document.getElementById("form");
const problem = document.getElementById("problem");
const show = (id) => {
  for (const section of ["about", "install", "done", "login-success", "login-failure"]) document.getElementById(section).hidden = section !== id;
};

const token = () => location.hash.match(/^#\/pbinstall\/([\w.-]+)$/)?.[1];

function claims(jwt) {
  try {
    return JSON.parse(atob(jwt.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return null;
  }
}

/** The end of a login through another service: `success` or `failure`. */
const ended = () => location.hash.match(/^#\/auth\/oauth2-redirect-(success|failure)$/)?.[1];

function route() {
  const end = ended();
  if (end) {
    show(`login-${end}`);
    // Only a window that a script has opened closes; any other keeps the page.
    if (end === "success") window.close();
    return;
  }
  const jwt = token();
  show(jwt ? "install" : "about");
  if (!jwt) return;
  const known = claims(jwt);
  if (!known || known.type !== "auth" || known.exp * 1000 < Date.now()) {
    form.hidden = true;
    fail("This link has expired or is incomplete. Start the server again for a new one, or use “hangar superuser create”.");
    return;
  }
  form.hidden = false;
  problem.hidden = true;
  form.elements.email.focus();
}

function fail(message) {
  problem.textContent = message;
  problem.hidden = false;
}

function mark(name, message) {
  if (message) form.elements[name].setAttribute("aria-invalid", "true");
  else form.elements[name].removeAttribute("aria-invalid");
  document.getElementById(name + "-error").textContent = message ?? "";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const names = ["email", "password", "passwordConfirm"];
  const values = Object.fromEntries(names.map((name) => [name, form.elements[name].value]));
  const button = form.querySelector("button");
  problem.hidden = true;
  names.forEach((name) => mark(name));
  button.disabled = true;
  try {
    const response = await fetch("/api/collections/_superusers/records", {
      method: "POST",
      headers: { "content-type": "application/json", authorization: token() ?? "" },
      body: JSON.stringify(values),
    });
    if (response.ok) {
      document.getElementById("who").textContent = values.email;
      // The token must not stay in the address bar and in the history.
      history.replaceState(null, "", location.pathname);
      show("done");
      document.querySelector("#done h2").focus();
      return;
    }
    const answer = await response.json().catch(() => ({}));
    const errors = Object.entries(answer.data ?? {}).filter(([name]) => names.includes(name));
    errors.forEach(([name, error]) => mark(name, error.message));
    if (errors.length) form.elements[errors[0][0]].focus();
    else fail(response.status === 401 || response.status === 403 ? "This link is no longer valid." : answer.message ?? "The server did not accept this.");
  } catch {
    fail("The server could not be reached.");
  } finally {
    button.disabled = false;
  }
});

addEventListener("hashchange", route);
route();
