// Which sets of ../shared/data tell the task type or the topic of their prompts, and which of them weights may be trained on.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'

/** A prompt and what its source says it is. */
export interface Labelled {
  readonly prompt: string
  readonly label: string
  /** File and category. */
  readonly set: string
  readonly weight: number
}

/** Prompts of one source that are read at most: more of the same teach little, and examination questions would drown the rest. */
const MOST = 600
const MOST_OF_SUBJECT = 20

const mathsSubjects = /^(abstract_algebra|college_mathematics|elementary_mathematics|high_school_mathematics|high_school_statistics|math)$/
const logicSubjects = /^(formal_logic|logical_fallacies)$/
/** Subjects whose questions are as often calculations. */
const mixedSubjects = /^(econometrics|college_physics|high_school_physics|conceptual_physics|professional_accounting|physics|engineering|chemistry|business|college_chemistry|high_school_chemistry|college_computer_science|high_school_computer_science|machine_learning|computer science|moral_scenarios|electrical_engineering|economics)$/

const taskTypeOf: Readonly<Record<string, (category: string) => string>> = {
  routellm_gsm8k: () => 'maths',
  routellm_mmlu: subject =>
    mathsSubjects.test(subject) ? 'maths' : logicSubjects.test(subject) || mixedSubjects.test(subject) ? '' : 'question',
  mmlupro: subject => (mathsSubjects.test(subject) ? 'maths' : mixedSubjects.test(subject) ? '' : 'question'),
  zeroeval_crux: () => 'code',
  'zeroeval_numersense-v2': () => 'maths',
  evouna_openqa: () => 'question',
  llmrouter_uiuc: task =>
    ({
      natural_qa: 'question',
      trivia_qa: 'question',
      arc_challenge: 'question',
      openbook_qa: 'question',
      gsm8k: 'maths',
      math: 'maths',
      mbpp: 'code',
      human_eval: 'code',
      'agentverse-logicgrid': 'reasoning',
    })[task] ?? '',
  routerbench_mbpp: () => 'code',
  routerbench_arc: () => 'question',
  routerbench_winogrande: () => 'reasoning',
  routerarena: set => {
    if (/^LiveCodeBench/.test(set)) return 'code'
    if (/^(MathQA|AsDiv|AIME|MATH|MMLUPro_math|FinQA)$/.test(set)) return 'maths'
    if (/^WMT19/.test(set)) return 'translation'
    if (/^(OpenTDB|QANTA|GeoBench|MedMCQA|ArcMMLU)/.test(set)) return 'question'
    return /^SuperGLUE-(Wsc|CausalReasoning|Entailment)$/.test(set) ? 'reasoning' : ''
  },
}

/** Categories of datasets/sample.csv, which others wrote; nothing is trained on it. */
const sampleTypes: Readonly<Record<string, string>> = { facts: 'question', writing: 'creative', multilingual: '' }

const topicPatterns: readonly (readonly [string, RegExp])[] = [
  ['health', /medicine|anatomy|clinical|nutrition|virology|medical|aging|sexuality|^health|MedMCQA|PubMedQA|MMLUPro_health/],
  ['law', /law|jurisprudence/],
  ['maths', /mathematics|algebra|statistics|^math$|gsm8k|MathQA|AsDiv|AIME|^MATH$|MMLUPro_math|OpenTDB_Science: Math/],
  ['technology', /computer|machine_learning|electrical_engineering|^engineering|mbpp|human_eval|crux|LiveCodeBench|MMLUPro_engineering|OpenTDB_Science: Comp/],
  ['history', /history|prehistory/i],
  ['business', /accounting|marketing|management|macroeconomics|microeconomics|econometrics|^economics|^business|MMLUPro_(economics|business)/],
  ['philosophy', /philosophy|moral_disputes|religions|logical_fallacies|business_ethics/],
  ['society', /psychology|sociology|politics|foreign_policy|security_studies|public_relations|Social Science|SocialiQA/],
  ['geography', /geography|GeoBench|GeoGraphy/i],
  ['arts', /Literature|Fine Arts|Music|Film|Books|Celebrities|OpenTDB_Art|Anime|Cartoon|Comics/],
  ['science', /biology|chemistry|physics|astronomy|arc$|arc_challenge|openbook_qa|QANTA_Science|Science & Nature|Animals/],
]

/** Evaluation only by the rules of ../shared/data, or kept for measuring (`isStrict`): whole benchmarks that nothing like was trained on. */
export function isHeldOut(set: string, isStrict: boolean): boolean {
  if (/^(routerbench|routerarena|sample)/.test(set)) return true
  return isStrict && /numersense|mbpp|human_eval|arc_challenge|openbook|trivia|\/math$/.test(set)
}

/** Labelled prompts of all sets, by what is to be told. */
export function readSets(folder: string): Readonly<Record<'task_type' | 'topic', Labelled[]>> {
  const found = { task_type: [] as Labelled[], topic: [] as Labelled[] }
  for (const [name, typeOf] of Object.entries(taskTypeOf)) {
    const rows = parse(readFileSync(join(folder, `${name}.csv`)), { columns: true }) as Record<string, string>[]
    const counts = new Map<string, number>()
    for (const { prompt = '', category = '' } of rows) {
      const source = name === 'zeroeval_numersense-v2' || name === 'evouna_openqa' ? name : category
      const count = (counts.get(source) ?? 0) + 1
      counts.set(source, count)
      if (count > MOST) continue
      const set = name.startsWith('llmrouter') ? `${name}/${category}` : name
      const label = typeOf(category)
      const isFew = !/mmlu/.test(name) || count <= MOST_OF_SUBJECT
      if (label !== '' && isFew) found.task_type.push({ prompt, label, set, weight: 1 })
      const topic = topicPatterns.find(([, pattern]) => pattern.test(category))?.[0]
      if (topic !== undefined && !name.startsWith('evouna')) found.topic.push({ prompt, label: topic, set, weight: 1 })
    }
  }
  const sample = parse(readFileSync('datasets/sample.csv'), { columns: true }) as Record<string, string>[]
  for (const { prompt = '', category = '' } of sample) {
    const label = sampleTypes[category] ?? category
    if (label !== '') found.task_type.push({ prompt, label, set: 'sample.csv', weight: 1 })
  }
  return found
}
