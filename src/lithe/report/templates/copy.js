"use strict";
// Copies a command: the text beside the button that is pressed.

async function copyBeside(button) {
  const text = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  } catch {
    // Not allowed here: then it is at least selected.
    getSelection().selectAllChildren(text);
  }
}

function listenForCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("button[data-copies]")) {
    button.hidden = false;
    button.addEventListener("click", () => copyBeside(button));
  }
}
