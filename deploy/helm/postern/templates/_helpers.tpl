{{- define "postern.labels" -}}
app.kubernetes.io/name: {{ .Release.Name }}
{{- end }}

{{/* The sidecar: the container of deploy/kubernetes/sidecar. */}}
{{- define "postern.container" -}}
- name: postern
  image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if .Values.nativeSidecar }}
  restartPolicy: Always
  {{- else }}
  env:
    - {name: POSTERN_TIMEOUTS_DRAIN_DELAY, value: 5s}
  {{- end }}
  ports:
    - {name: guarded, containerPort: 8080}
    - {name: guard-metrics, containerPort: 9180}
  startupProbe:
    exec: {command: [/postern, probe, live]}
    periodSeconds: 1
    failureThreshold: 30
  livenessProbe:
    exec: {command: [/postern, probe, live]}
    periodSeconds: 10
    timeoutSeconds: 3
    failureThreshold: 3
  readinessProbe:
    exec: {command: [/postern, probe, ready]}
    periodSeconds: 5
    timeoutSeconds: 3
    failureThreshold: 1
  resources: {{ toYaml .Values.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    readOnlyRootFilesystem: true
    allowPrivilegeEscalation: false
    capabilities: {drop: [ALL]}
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: postern-config, mountPath: /etc/postern, readOnly: true}
    - {name: postern-catalog, mountPath: /run/secrets/postern, readOnly: true}
    - {name: postern-store, mountPath: /var/lib/postern}
{{- end }}
