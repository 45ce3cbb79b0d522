// Small help with elements.

/** Returns the element with this id. */
export const $ = (id) => document.getElementById(id)

/** Returns a new element: properties by name, `class`, `data-*`, `aria-*` and other dashed names as attributes. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue
    if (name === 'class') node.className = value
    else if (name.includes('-') || name === 'role' || name === 'for') node.setAttribute(name, value)
    else node[name] = value
  }
  node.append(...children.filter((child) => child !== null && child !== undefined))
  return node
}

/** Reads a choice kept in this browser; null if there is none or storage is forbidden. */
export function recall(name) {
  try {
    return localStorage.getItem(`tabdis.${name}`)
  } catch {
    return null
  }
}

/** Keeps a choice in this browser; does nothing where storage is forbidden. */
export function remember(name, value) {
  try {
    localStorage.setItem(`tabdis.${name}`, value)
  } catch {
    // The choice then lasts as long as the page.
  }
}

export const reducedMotion = () => matchMedia('(prefers-reduced-motion: reduce)').matches
