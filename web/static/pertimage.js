// What a browser with JavaScript adds: everything here has a plain form behind it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");
  const form = document.getElementById("demande");

  // — Prescribing: chips write into the text, offers fill the exam —
  const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

  const write = (field, sentence) => {
    if (!sentence || field.value.includes(sentence)) return;
    const body = field.value.trimEnd();
    const mark = body && !/[.!?;:]$/.test(body) ? ". " : body ? " " : "";
    field.value = body + mark + sentence;
    changed(field);
  };

  const remember = (token) => {
    if (!token) return;
    const input = document.createElement("input");
    Object.assign(input, { type: "hidden", name: "reponse", value: token });
    document.getElementById("reponses").append(input);
  };

  const fill = (item) => {
    const blank = document.getElementById(`complement-${item}`);
    const words = blank.value.trim().replace(/\.$/, "");
    if (!words) return blank.focus();
    const unit = document.getElementById(`unite-${item}`);
    const tail = unit ? ` ${unit.value}.` : blank.dataset.tail;
    blank.value = "";
    write(form.elements.texte, blank.dataset.lead + words + tail);
  };

  const replaceExam = (label) => {
    const exam = form.elements.examen;
    const initial = form.elements.examen_initial;
    if (!initial.value) initial.value = exam.value || "dans le texte";
    exam.value = label;
    changed(exam);
  };

  const onChip = (event) => {
    const button = event.target.closest("[data-add], [data-fill], [data-replace]");
    if (!button) return;
    event.preventDefault();
    const focus = button.closest("[id]")?.id;
    if (button.dataset.add) {
      remember(button.dataset.reply);
      write(form.elements.texte, button.dataset.add);
    } else if (button.dataset.fill) fill(button.dataset.fill);
    else replaceExam(button.dataset.replace);
    if (focus) form.dataset.focus = focus;
  };

  // The button pressed is often gone with the new advice: give the keyboard back to where it was.
  const keepFocus = () => {
    const place = form.dataset.focus;
    delete form.dataset.focus;
    if (!place || (document.activeElement && document.activeElement !== document.body)) return;
    const target = document.getElementById(place)?.querySelector("button, input, a") || document.getElementById("signer");
    target?.focus({ preventScroll: true });
  };

  const onFormKey = (event) => {
    if (event.key !== "Enter") return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      form.requestSubmit(document.getElementById("signer"));
    } else if (event.target.matches("input:not([type=radio])")) {
      // Enter in a field asks for the advice; in a blank it writes the answer. It never signs.
      event.preventDefault();
      if (event.target.matches("[data-blank]")) fill(event.target.id.replace("complement-", ""));
      else changed(event.target);
    }
  };

  if (form) {
    form.addEventListener("click", onChip);
    form.addEventListener("keydown", onFormKey);
    // A blank being filled is not part of the request yet: no new advice at each of its letters.
    form.addEventListener("input", (event) => {
      if (event.target.matches("[data-blank], [id^=unite-], #commentaire, #motif")) event.stopImmediatePropagation();
    }, true);
    document.body.addEventListener("htmx:after:swap", keepFocus);
  }

  // — Reviewing: suggestions fill the reason; one letter acts —
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-write]");
    if (chip) {
      const field = document.getElementById(chip.dataset.write);
      write(field, chip.textContent.trim());
      field.focus();
    }
  });

  const keysHelp = document.querySelector("[data-keys]");
  const keysSwitch = document.querySelector("[data-keys-switch]");
  const KEY = "pertimage-raccourcis";
  const stored = () => { try { return localStorage.getItem(KEY); } catch { return null; } };
  if (keysSwitch) {
    keysSwitch.checked = stored() !== "non";
    keysSwitch.addEventListener("change", () => { try { localStorage.setItem(KEY, keysSwitch.checked ? "oui" : "non"); } catch { /* private window */ } });
  }

  const move = (step) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    const place = rows.indexOf(document.activeElement);
    rows[Math.min(Math.max(place + step, 0), rows.length - 1)]?.focus();
  };

  // Ticks the request that has the keyboard, or the next one.
  const tick = () => document.activeElement.closest(".work")?.querySelector("[name=demande]:not(:disabled)")?.click();

  // Presses the button of a letter inside its own form: the decision is the button's, not the form's first.
  const press = (letter) => {
    const button = document.querySelector(`[data-key-press="${letter}"]`);
    button?.form.requestSubmit(button);
  };

  const follow = (selector) => document.querySelector(selector)?.click();

  const open = (letter) => {
    const details = document.querySelector(`[data-key="${letter}"]`);
    if (!details) return;
    details.open = true;
    details.querySelector("textarea, input:not([type=hidden])")?.focus();
  };

  const onKey = (event) => {
    if (!keysSwitch?.checked || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select")) return;
    if (keysHelp.dataset.keys === "list") {
      if (event.key === "j") move(1);
      else if (event.key === "k") move(-1);
      else if (event.key === "x") tick();
      else if (event.key === "/") document.getElementById("q").focus();
      else return;
    } else if ("vn".includes(event.key)) press(event.key);
    else if (event.key === "j") follow("[data-next]");
    else if (event.key === "u") follow("[data-back]");
    else if ("pscrta".includes(event.key)) open(event.key);
    else return;
    event.preventDefault();
  };
  if (keysHelp) document.addEventListener("keydown", onKey);

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });

  // In the form of decisions, Enter in a field decides nothing: only a button does.
  document.querySelector("[data-decision]")?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });

  // — Live: a review that changes elsewhere shows here without reloading —
  const live = document.querySelector("[data-live]");
  const fragment = async (address) => {
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    return answer.ok ? answer.text() : null;
  };

  const refreshList = async (list) => {
    const ticked = [...list.querySelectorAll("[name=demande]:checked")].map((box) => box.value);
    const focus = document.activeElement.closest?.(".work, .batch") ? document.activeElement.getAttribute("href") || document.activeElement.id : null;
    if (document.activeElement.matches("#raison-lot")) return false;
    const words = list.querySelector("#raison-lot")?.value;
    const html = await fragment(location.href);
    if (html === null) return false;
    list.outerHTML = html;
    const fresh = document.getElementById("liste");
    ticked.forEach((value) => { const box = fresh.querySelector(`[name=demande][value="${CSS.escape(value)}"]`); if (box) box.checked = true; });
    if (words) fresh.querySelector("#raison-lot").value = words;
    if (focus) (fresh.querySelector(`[href="${CSS.escape(focus)}"]`) || document.getElementById(focus))?.focus({ preventScroll: true });
    return true;
  };

  const refresh = async (latest) => {
    const list = document.querySelector("[data-list]");
    const standing = document.querySelector("[data-standing]");
    try {
      if (list && list.dataset.since !== latest) {
        const shown = await refreshList(list);
        if (live && shown) live.textContent = "Liste à jour.";
      } else if (standing) standing.innerHTML = (await fragment(standing.dataset.standing)) ?? standing.innerHTML;
    } catch { /* the network is away: the stream says so */ }
  };

  if (live && window.EventSource) {
    const stream = new EventSource(live.dataset.live);
    stream.addEventListener("change", (event) => refresh(event.data));
    stream.addEventListener("error", () => { if (!live.dataset.standing) live.textContent = "Connexion perdue : la liste n'est plus tenue à jour."; });
    stream.addEventListener("open", () => { if (!live.dataset.standing) live.textContent = ""; });
    window.addEventListener("pagehide", () => stream.close());
  }

  // A double click on a button that writes must not write twice.
  document.addEventListener("submit", (event) => {
    const target = event.target;
    if (target.dataset.sent) event.preventDefault();
    else if (target.method === "post") {
      target.dataset.sent = "1";
      setTimeout(() => delete target.dataset.sent, 4000);
    }
  });
})();
