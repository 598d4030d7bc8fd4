{{- define "failover.labels" -}}
app.kubernetes.io/name: kubectl-failover
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: Linkerd
linkerd.io/extension: failover
{{- end }}

{{- define "failover.selector" -}}
app.kubernetes.io/name: kubectl-failover
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "failover.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "failover.args" -}}
- watch
{{- if .Values.namespaces }}
- --namespaces={{ join "," .Values.namespaces }}
{{- else }}
- --all-namespaces
{{- end }}
- {{ printf "--metrics=%s:%v" .Values.metrics.address .Values.metrics.port | quote }}
{{- if eq .Values.metrics.detail "counts" }}
- --metrics-detail=counts
{{- end }}
{{- if eq .Values.logFormat "json" }}
- --log-format=json
{{- end }}
{{- if .Values.selector }}
- {{ printf "--selector=%s" .Values.selector | quote }}
{{- end }}
{{- if .Values.maxMoves }}
- {{ printf "--max-moves=%s" .Values.maxMoves | quote }}
{{- end }}
{{- if .Values.alongsideUpstream }}
- --alongside-upstream
{{- end }}
{{- if .Values.remotes.fromLinks }}
- --remote-from-links
{{- end }}
{{- if .Values.hooks.command }}
- {{ printf "--on-transition=%s" .Values.hooks.command | quote }}
{{- if .Values.hooks.events }}
- --hook-events={{ join "," .Values.hooks.events }}
{{- end }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}
