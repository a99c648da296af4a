// One attribute's history as a line; the table under it has the latest values for those who read.

const dark = matchMedia("(prefers-color-scheme: dark)");

function library(address) {
  if (window.uPlot) return Promise.resolve();
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = done;
    script.onerror = failed;
    document.head.append(script);
  });
}

async function series(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const { at, values } = await answer.json();
  return [at, values];
}

export async function draw(element, address) {
  const language = document.documentElement.lang === "id" ? "id-ID" : "en-GB";
  const zone = document.documentElement.dataset.zone;
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 3 });
  const days = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: zone });
  const months = new Intl.DateTimeFormat(language, { month: "short", year: "numeric", timeZone: zone });
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: zone });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "long", timeStyle: "short", timeZone: zone });
  const [data] = await Promise.all([series(element.dataset.chart), library(address), document.fonts.ready]);
  const read = element.parentElement.querySelector(".chart-read");
  let chart = null;
  const make = () => {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue("--" + name).trim();
    const font = `12px ${style.getPropertyValue("--sans")}`;
    const axis = { stroke: colour("ink-3"), font, grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
    const span = data[0].at(-1) - data[0][0];
    const label = span > 86400 * 120 ? months : span > 86400 * 2 ? days : clock;
    if (chart) chart.destroy();
    chart = new window.uPlot({
      width: element.clientWidth,
      height: 200,
      padding: [12, 16, 0, 0],
      cursor: { y: false, points: { size: 8 } },
      legend: { show: false },
      scales: { y: { range: (_, low, high) => (low === high ? [Math.min(0, low), high + Math.max(1, Math.abs(high) * 0.2)] : window.uPlot.rangeNum(low, high, 0.12, true)) } },
      series: [{}, { stroke: colour("accent"), width: 2, points: { show: data[0].length < 60, size: 6, fill: colour("surface"), stroke: colour("accent"), width: 2 }, spanGaps: false, paths: window.uPlot.paths[element.dataset.steps !== undefined ? "stepped" : "linear"]({ align: 1 }) }],
      axes: [{ ...axis, size: 28, values: (_, ticks) => ticks.map((tick) => label.format(tick * 1000)), space: 90 }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => numbers.format(tick)) }],
      hooks: {
        setCursor: [(self) => {
          const at = self.cursor.idx ?? data[0].length - 1;
          const value = data[1][at];
          read.textContent = `${exact.format(data[0][at] * 1000)} · ${value === null ? "–" : numbers.format(value)} ${element.dataset.unit}`;
        }],
      },
    }, data, element);
  };
  make();
  dark.addEventListener("change", make);
  new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: 200 })).observe(element);
}
