{{- define "hostseal.labels" -}}
app.kubernetes.io/name: hostseal
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "hostseal.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end -}}

{{- define "hostseal.security" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
automountServiceAccountToken: false
enableServiceLinks: false
{{- end -}}

{{- define "hostseal.container" -}}
image: {{ include "hostseal.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{ toJson .Values.resources }}
env:
  - {name: LICENSE_SERVER_DATA, value: /data/hostseal}
  - {name: TMPDIR, value: /tmp}
  - {name: LICENSE_SERVER_PASSPHRASE_FILE, value: /run/secrets/hostseal/passphrase}
  - {name: LICENSE_SERVER_PUBLIC_URL, value: {{ required "publicUrl is needed: https://licences.example.com" .Values.publicUrl | quote }}}
  {{- with .Values.trustedProxies }}
  - {name: LICENSE_SERVER_TRUSTED_PROXIES, value: {{ . | quote }}}
  {{- end }}
  {{- with .Values.database.url }}
  - {name: LICENSE_SERVER_DATABASE, value: {{ . | quote }}}
  {{- end }}
  {{- with .Values.database.secret }}
  - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: password}}}
  {{- end }}
  {{- range $name, $value := .Values.settings }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: passphrase, mountPath: /run/secrets/hostseal, readOnly: true}
  - {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "hostseal.volumes" -}}
- name: passphrase
  secret:
    secretName: {{ .Values.secret | quote }}
    defaultMode: 0440
    items: [{key: passphrase, path: passphrase}]
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if .Values.keysSecret }}
- name: keys
  secret: {secretName: {{ .Values.keysSecret | quote }}, defaultMode: 0440}
- name: data
  emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- else }}
- name: data
  persistentVolumeClaim: {claimName: {{ .Release.Name }}-data}
{{- end }}
{{- end -}}

{{/* The keys of the Secret, as files that nobody but their owner can read: the server takes no others. */}}
{{- define "hostseal.keys" -}}
- name: keys
  image: {{ include "hostseal.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -ec, 'umask 077; mkdir -p /data/hostseal/keys; cp /keys/*.pub.pem /data/hostseal; cp /keys/*.key.pem /data/hostseal/keys']
  securityContext:
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  resources: {{ toJson .Values.resources }}
  volumeMounts:
    - {name: keys, mountPath: /keys, readOnly: true}
    - {name: data, mountPath: /data}
{{- end -}}
