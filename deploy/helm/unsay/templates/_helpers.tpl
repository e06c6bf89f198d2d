{{- define "unsay.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "unsay.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "unsay.labels" -}}
{{ include "unsay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "unsay.meta" -}}
name: {{ include "unsay.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "unsay.labels" . | nindent 2 }}
{{- end -}}

{{- define "unsay.monitored" -}}
{{ include "unsay.meta" . }}
  {{- with .Values.monitoring.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- /* unsay's settings, with the files where they are mounted. */ -}}
{{- define "unsay.settings" -}}
{{- $policies := ternary (dict "policy_file" "/etc/unsay/policies.yaml") dict (ne .Values.policies "") -}}
{{- $keys := ternary (dict "keys_file" (printf "/etc/unsay-keys/%s" .Values.keysFile.key)) dict (ne .Values.keysFile.secret "") -}}
{{- toYaml (merge (dict) $policies $keys .Values.settings) -}}
{{- end -}}

{{- /* Which series are those of this release's pods. */ -}}
{{- define "unsay.series" -}}
namespace="{{ .Release.Namespace }}",pod=~"{{ include "unsay.name" . }}-[a-z0-9]+-[a-z0-9]+"
{{- end -}}
