package page

import (
	"html/template"
	"strconv"

	"gonum.org/v1/plot/plotter"

	"github.com/dmwake/dmwake/harness/load/result"
)

// palette are the colours of several processes in one plot.
var palette = []string{"blue", "bad", "good"}

// megabyte is the unit of plots of memory.
const megabyte = 1e6

// serverPlots are drawn from what the server used, on the time axis of the other plots.
func serverPlots(s *result.Server) (out []drawing) {
	if s == nil {
		return nil
	}
	if len(s.Processes) > 0 {
		for _, v := range []struct {
			title, unit string
			of          func(*result.Usage) float64
		}{
			{"CPU of the server", "processors", func(u *result.Usage) float64 { return u.CPU }},
			{"Memory of the server", "MB", func(u *result.Usage) float64 { return float64(u.RSS) / megabyte }},
			{"Open files of the server", "files", func(u *result.Usage) float64 { return float64(u.Files) }},
			{"Threads of the server", "threads", func(u *result.Usage) float64 { return float64(u.Threads) }},
		} {
			var list []series
			var legend []key
			for i := range s.Processes {
				k := key{processName(&s.Processes[i]), palette[i%len(palette)]}
				legend = append(legend, k)
				list = append(list, usage(k, s.Processes[i].Course, v.of))
			}
			out = append(out, drawing{v.title, legend, func(*result.Result) (template.HTML, error) {
				return lines(v.title, v.unit, false, list...)
			}})
		}
	}
	for i := range s.Series {
		v := &s.Series[i]
		out = append(out, drawing{v.Name, []key{{v.URL, "blue"}}, func(*result.Result) (template.HTML, error) {
			line := series{key: byTime[0]}
			for _, p := range v.Points {
				if p.At >= 0 {
					line.points = append(line.points, plotter.XY{X: p.At, Y: p.Value})
				}
			}
			return lines(v.Name, axis(v.Kind), false, line)
		}})
	}
	return out
}

func axis(k result.SeriesKind) string {
	switch k {
	case result.Rate:
		return "per second"
	case result.Mean:
		return "mean"
	}
	return "value"
}

func processName(p *result.Process) string {
	if p.Container != "" {
		return p.Container
	}
	return p.Name + " " + strconv.Itoa(p.PID)
}

// usage is a line from the start of the plan on.
func usage(k key, course []result.Usage, of func(*result.Usage) float64) series {
	s := series{key: k}
	for i := range course {
		if u := &course[i]; u.At >= 0 {
			s.points = append(s.points, plotter.XY{X: u.At, Y: of(u)})
		}
	}
	return s
}

// process is a row of the table of the server.
type process struct {
	Name, CPU, Idle, Wake, Memory string
	Files, Threads                int
}

func processes(s *result.Server) (out []process) {
	if s == nil {
		return nil
	}
	for i := range s.Processes {
		p := &s.Processes[i]
		row := process{Name: processName(p), CPU: strconv.FormatFloat(p.CPUSeconds, 'f', 2, 64) + " s", Memory: strconv.FormatFloat(float64(p.PeakRSS)/megabyte, 'f', 1, 64) + " MB", Files: p.PeakFiles, Threads: p.PeakThreads}
		if p.IdleCPU != nil {
			row.Idle = percent(*p.IdleCPU)
		}
		if p.CPUPerWake > 0 {
			row.Wake = strconv.FormatFloat(1000*p.CPUPerWake, 'f', 2, 64) + " ms"
		}
		out = append(out, row)
	}
	return out
}

// traced is a row of the table of traces.
type traced struct {
	result.Traced
	Whole  string
	Stages []stageTime
}

type stageTime struct {
	Stage result.Stage
	Took  string
}

func traces(list []result.Traced) (out []traced) {
	for _, w := range list {
		row := traced{Traced: w, Whole: "-"}
		if w.Took > 0 {
			row.Whole = result.Micros(w.Took)
		}
		for _, s := range result.Stages() {
			if us, ok := w.Stages[s]; ok && s != result.Whole && s != result.Wait && s != result.Out {
				row.Stages = append(row.Stages, stageTime{s, result.Micros(us)})
			}
		}
		out = append(out, row)
	}
	return out
}
